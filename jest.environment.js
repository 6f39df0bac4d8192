import { TestEnvironment } from 'jest-environment-node'

/**
 * Jest runs tests in a realm of its own, whose typed arrays onnxruntime-node refuses
 * ("A float32 tensor's data must be type of function Float32Array()"). This environment
 * hands the host's typed arrays to the tests.
 */
export default class HostTypedArrays extends TestEnvironment {
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
