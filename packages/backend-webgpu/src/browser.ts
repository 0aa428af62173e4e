import * as tfjs from '@tensorflow/tfjs-core'
// side effects: without them tfjs-core has no gradient, and no way to make one
import '@tensorflow/tfjs-core/dist/register_all_gradients.js'
import { WebGPUBackend } from '@tensorflow/tfjs-backend-webgpu'
import { NoDevice } from './device/noDevice.ts'
import type { Home } from './home.ts'

/** The WebGPU of a browser: Chrome, Edge, Safari, and Firefox where it is on. Pages must come over https or from localhost. */
export const browser: Home = {
  name: 'browser',
  environment: {},
  gpu: () => {
    const gpu = (globalThis as { readonly navigator?: { readonly gpu?: GPU } }).navigator?.gpu
    return gpu === undefined
      ? Promise.reject(
          new NoDevice(
            'this browser offers no WebGPU here',
            'open the page from https or localhost in a recent Chrome, Edge, Safari or Firefox',
          ),
        )
      : Promise.resolve(gpu)
  },
  adapterMend: 'update the browser or its graphics driver, or switch hardware acceleration on',
  libraries: () => Promise.resolve({ tf: tfjs, WebGPUBackend, version: tfjs.version_core }),
}
