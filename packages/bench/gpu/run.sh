#!/bin/sh
# Finds the GPU's Vulkan driver and runs the measurements on it. Alone it says what there is to run.
# VK_DRIVER_FILES names a driver's ICD file in an unusual place.
set -eu
PATH=${PATH:-/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin}
export PATH
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)

folders='/etc/vulkan/icd.d /usr/share/vulkan/icd.d /usr/local/share/vulkan/icd.d /usr/local/etc/vulkan/icd.d
/usr/local/nvidia/share/vulkan/icd.d /usr/local/nvidia/vulkan/icd.d /opt/nvidia/share/vulkan/icd.d /run/opengl-driver/share/vulkan/icd.d'
libraries="$here/lib"
for folder in /usr/local/nvidia/lib64 /usr/local/nvidia/lib /usr/lib/x86_64-linux-gnu/nvidia/current /usr/lib/wsl/lib; do
  if [ -d "$folder" ]; then libraries="$libraries:$folder"; fi
done
LD_LIBRARY_PATH="$libraries${LD_LIBRARY_PATH:+:$LD_LIBRARY_PATH}"
export LD_LIBRARY_PATH

fail() {
  printf '%s\n' "$@" >&2
  exit 1
}

# what of a binary's libraries is not on this machine
missing() {
  command -v ldd >/dev/null 2>&1 || return 0
  ldd "$1" 2>/dev/null | sed -n 's/^[[:space:]]*\([^ ]*\) => not found.*/\1/p' | sort -u
}

# lend what the archive brings, and say what is missing even then: FILE, and what it is in words
lend() {
  [ -n "$(missing "$1")" ] || return 0
  case ":$LD_LIBRARY_PATH:" in
  *":$here/lib-more:"*) ;;
  *) LD_LIBRARY_PATH="$LD_LIBRARY_PATH:$here/lib-more" ;;
  esac
  lacking=$(missing "$1")
  [ -z "$lacking" ] || fail "$2 ($1) needs libraries that are neither here nor in the archive: $(echo "$lacking" | tr '\n' ' ')"
}

# the driver's library that an ICD file names, with its folder; nothing if it is nowhere
library_of() {
  library=$(sed -n 's/.*"library_path"[[:space:]]*:[[:space:]]*"\([^"]*\)".*/\1/p' "$1" | head -n 1)
  case $library in
  '') return 0 ;;
  /*) found=$library ;;
  */*) found=$(dirname -- "$1")/$library ;;
  *)
    found=''
    for folder in $(echo "$LD_LIBRARY_PATH" | tr ':' ' ') /usr/lib/x86_64-linux-gnu /lib/x86_64-linux-gnu /usr/lib64 /usr/lib; do
      if [ -e "$folder/$library" ]; then
        found=$folder/$library
        break
      fi
    done
    if [ -z "$found" ] && command -v ldconfig >/dev/null 2>&1; then
      found=$(ldconfig -p 2>/dev/null | sed -n "s|^[[:space:]]*$library .*=> ||p" | head -n 1)
    fi
    ;;
  esac
  if [ -n "$found" ] && [ -e "$found" ]; then echo "$found"; fi
}

# the first ICD file whose name matches and whose library is here: NVIDIA's, then the other makers'; none that computes on the processor
find_driver() {
  for pattern in 'nvidia*.json' 'radeon*.json' 'amd*.json' 'intel*.json' '*.json'; do
    for folder in $folders; do
      for file in "$folder"/$pattern; do
        case $file in *lvp_icd* | *swiftshader* | *gfxstream*) continue ;; esac
        if [ -f "$file" ] && [ -n "$(library_of "$file")" ]; then
          echo "$file"
          return 0
        fi
      done
    done
  done
  # a container may have NVIDIA's library without the file that names it
  if [ -n "$(library_of "$here/icd/nvidia_icd.json")" ]; then echo "$here/icd/nvidia_icd.json"; fi
}

lend "$here/node" 'node'
lend "$here/app/node_modules/webgpu/dist/linux-x64/dawn.node" 'Dawn'

case ${1:-help} in
help | --help | -h) exec "$here/node" "$here/app/durian-gpu.mjs" --help ;;
esac

driver=${VK_DRIVER_FILES:-${VK_ICD_FILENAMES:-}}
if [ -z "$driver" ]; then driver=$(find_driver); fi
[ -n "$driver" ] || fail \
  "No Vulkan driver of a GPU was found. Looked for ICD files (nvidia_icd.json and others) in:" $folders \
  "Install the GPU's driver with its Vulkan part, or name its ICD file: VK_DRIVER_FILES=/path/to/nvidia_icd.json $0 $*"
for file in $(echo "$driver" | tr ':' ' '); do
  [ -f "$file" ] || fail "VK_DRIVER_FILES names $file, and there is no such file."
  library=$(library_of "$file")
  [ -n "$library" ] || fail "$file names a driver's library that is not on this machine: $(grep library_path "$file" | tr -d ' ')"
  lend "$library" "The Vulkan driver of $file"
done
VK_DRIVER_FILES=$driver
export VK_DRIVER_FILES
echo "Vulkan driver: $driver" >&2

exec "$here/node" "$here/app/durian-gpu.mjs" "$@"
