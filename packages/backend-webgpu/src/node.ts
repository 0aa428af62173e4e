import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Tf } from '@durian/backend-tfjs'
import { NoDevice } from './device/noDevice.ts'
import type { Home } from './home.ts'

/** Dawn rounds timestamps to 65 us, which keeps pages from telling what else a machine does; kernels are shorter than that. */
const EXACT_TIMESTAMPS = 'disable-dawn-features=timestamp_quantization'

/** The part of the npm package `webgpu` that is used; its own types are newer than those of tfjs. */
interface Dawn {
  readonly create: (options: ReadonlyArray<string>) => GPU
  readonly globals: Readonly<Record<string, unknown>>
}

/** Dawn dies with its instance: once it is garbage the process aborts (dawn-gpu/node-webgpu#18), so all are kept. */
const instances: GPU[] = []

/** Dawn, the WebGPU of Chromium, in Node: the optional npm package `webgpu`, over Vulkan, Metal or Direct3D 12. */
export const dawn: Home = {
  name: 'Dawn',
  environment: process.env,
  gpu: async (choice) => {
    const { create, globals } = await loadDawn()
    if (choice.device === 'software') offerSoftwareDriver()
    // constants such as GPUBufferUsage, which tfjs expects as in a browser
    for (const [name, value] of Object.entries(globals)) {
      Object.defineProperty(globalThis, name, { value, configurable: true, writable: true })
    }
    const gpu = create([...(choice.adapter === undefined ? [] : [`adapter=${choice.adapter}`]), EXACT_TIMESTAMPS])
    instances.push(gpu)
    return gpu
  },
  adapterMend:
    "install the GPU's driver (Vulkan on Linux), or for a device in software `apt-get install chromium libvulkan1` and set DURIAN_WEBGPU_ADAPTER=software",
  libraries: async () => {
    const tf = (await import('@tensorflow/tfjs')) as unknown as Tf
    const { WebGPUBackend } = await import('@tensorflow/tfjs-backend-webgpu')
    return { tf, WebGPUBackend, version: tf.version_core }
  },
}

const loadDawn = async (): Promise<Dawn> => {
  try {
    return (await import('webgpu')) as unknown as Dawn
  } catch (thrown) {
    const { code, message } = thrown as { readonly code?: unknown; readonly message?: string }
    if (code === 'ERR_MODULE_NOT_FOUND') {
      throw new NoDevice('the npm package webgpu (Dawn) is not installed', 'npm install webgpu@0.6.2')
    }
    throw new NoDevice(`the npm package webgpu (Dawn) does not load: ${String(message).split('\n')[0]}`)
  }
}

/** Where Debian, Ubuntu, Fedora and Google put Chromium, which ships SwiftShader. */
const CHROMIUM_FOLDERS = [
  '/usr/lib/chromium',
  '/usr/lib/chromium-browser',
  '/usr/lib64/chromium-browser',
  '/opt/google/chrome',
  '/usr/lib/x86_64-linux-gnu/chromium',
]

/** Point the Vulkan loader at Chromium's SwiftShader, unless the user chose drivers. */
const offerSoftwareDriver = (): void => {
  if (process.platform !== 'linux') return
  if (process.env['VK_DRIVER_FILES'] !== undefined || process.env['VK_ICD_FILENAMES'] !== undefined) return
  const driver = CHROMIUM_FOLDERS.map((folder) => join(folder, 'vk_swiftshader_icd.json')).find((file) =>
    existsSync(file),
  )
  if (driver !== undefined) process.env['VK_ICD_FILENAMES'] = driver
}
