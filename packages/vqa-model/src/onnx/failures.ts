/** Whether ONNX Runtime says that memory is used up, of the machine or of a device. */
export function isOutOfMemory({ message }: Error): boolean {
  return /out of memory|alloc/i.test(message)
}

/** Whether a device does not work any more, or was lost: what it is asked next fails too, whatever it is. */
export function isDeviceFailure(error: Error): boolean {
  return /\b(cuda|cudnn|cublas)\w* failure/i.test(error.message) && !isOutOfMemory(error)
}
