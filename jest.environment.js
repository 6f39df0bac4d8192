import { createRequire } from 'node:module'
import { TestEnvironment } from 'jest-environment-node'

const vm = createRequire(import.meta.url)('node:vm')

/**
 * Jest runs tests in a realm of its own, whose typed arrays onnxruntime-node refuses
 * ("A float32 tensor's data must be type of function Float32Array()"). This environment
 * hands the host's typed arrays to the tests.
 *
 * The realm is an ordinary one. Jest's own asks a Proxy for every global, `Math` included: a loop over `Math.abs` takes 15
 * times as long there, and the tests of decoded pixels 1.4 times the processor time.
 */
export default class HostTypedArrays extends TestEnvironment {
  constructor(...args) {
    const { createContext } = vm
    vm.createContext = () => createContext(vm.constants.DONT_CONTEXTIFY)
    try {
      super(...args)
    } finally {
      vm.createContext = createContext
    }
  }

  async setup() {
    await super.setup()
    Object.assign(this.global, {
      ArrayBuffer,
      SharedArrayBuffer,
      DataView,
      Uint8Array,
      Int8Array,
      Uint8ClampedArray,
      Uint16Array,
      Int16Array,
      Uint32Array,
      Int32Array,
      Float32Array,
      Float64Array,
      BigInt64Array,
      BigUint64Array,
    })
  }
}
