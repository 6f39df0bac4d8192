/**
 * The smallest model that shows whether a device computes: y = x x for a 2 x 2 matrix of float32
 * (ONNX IR 8, opset 17), 99 bytes in base64.
 */
export const TINY_GRAPH =
  'CAg6RgoXCgF4CgF4EgF5GgJuMSIGTWF0TXVsOgASAWdaEwoBeBIOCgwIARIICgIIAgoCCAJiEwoBeRIOCgwIARIICgIIAgoCCAJCBAoAEBFCEQoNY29tLm1pY3Jvc29mdBAB'
