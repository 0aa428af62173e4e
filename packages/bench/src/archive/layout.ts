import { join } from 'node:path'

/** The folder in the archive. */
export const ARCHIVE = 'durian-gpu-linux-x64'

/** So that it travels where 64 MiB may, with a little beside it. */
export const MOST_BYTES = 55 * 2 ** 20

/** Debian's packages whose libraries go along. The loader is used always, the others only where a machine lacks them. */
export const debianPackages = {
  lib: ['libvulkan1'],
  // NVIDIA's Vulkan driver is linked with X11, node and Dawn with C++
  'lib-more': [
    'libx11-6',
    'libxext6',
    'libxcb1',
    'libxau6',
    'libxdmcp6',
    'libbsd0',
    'libmd0',
    'libglvnd0',
    'libstdc++6',
    'libgcc-s1',
  ],
} as const

/** NVIDIA's ICD file as its driver installs it. */
export const nvidiaIcd = {
  file_format_version: '1.0.0',
  ICD: { library_path: 'libGLX_nvidia.so.0', api_version: '1.3.0' },
}

/** Files that are copied as they are: where to in the archive, and where from. The rest is made. */
export const copied = (root: string): Readonly<Record<string, string>> => {
  const bench = join(root, 'packages', 'bench')
  const dawn = join(bench, 'node_modules', 'webgpu')
  const demo = join(root, 'models', 'demo')
  return {
    'run.sh': join(bench, 'gpu', 'run.sh'),
    'README.txt': join(bench, 'gpu', 'README.txt'),
    'LICENSES/durian.txt': join(root, 'LICENSE'),
    'app/torch_policy.py': join(bench, 'peers', 'torch_policy.py'),
    'app/demo/config.json': join(demo, 'config.json'),
    'app/demo/model.safetensors': join(demo, 'model.safetensors'),
    'app/node_modules/webgpu/package.json': join(dawn, 'package.json'),
    'app/node_modules/webgpu/index.js': join(dawn, 'index.js'),
    'app/node_modules/webgpu/dist/linux-x64/dawn.node': join(dawn, 'dist', 'linux-x64', 'dawn.node'),
  }
}
