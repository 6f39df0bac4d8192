export { InputError, isInputError } from '@lever/durable-files'
export { toFloat32 } from './convert.ts'
export { readEmbeddings, writeEmbeddings } from './embedding-files.ts'
export {
  EMBEDDING_KINDS,
  kindsOf,
  checkOneEmbedder,
  pairsOf,
  rowFinder,
  type EmbeddingKind,
  type EmbeddingMatrix,
  type EmbeddingPair,
  type EmbeddingPairs,
  type Embeddings,
} from './embeddings.ts'
export { decodeNpy, encodeNpy, readNpy, writeNpy } from './npy.ts'
export type { TorchValue } from './pickle-values.ts'
export {
  decodeSafetensors,
  encodeSafetensors,
  openSafetensors,
  readSafetensors,
  writeSafetensors,
} from './safetensors.ts'
export type { SafetensorsReader, TensorFile, TensorFileInput } from './safetensors.ts'
export type { DType, TensorData, TensorEntry, TensorInfo } from './tensor.ts'
export { decodeTorch, readTorch } from './torch.ts'
export type { TorchFile } from './torch.ts'
export { isTensor } from './torch-value.ts'
