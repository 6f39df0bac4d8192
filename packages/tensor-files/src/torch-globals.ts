import { STORAGE_TYPES, UNTYPED_STORAGE, UNTYPED_TYPES } from './element-types.ts'
import type { PickleActions } from './pickle-machine.ts'
import { NumpyType, type PickleValue } from './pickle-values.ts'
import type { TensorEntry } from './tensor.ts'
import { encodeLatin1, finishArray, finishType, makeType, reconstructArray } from './torch-numpy.ts'
import {
  makeSize,
  rebuildParameter,
  rebuildTensor,
  rebuildUntyped,
  refuse,
  storageOf,
  type TorchContext,
} from './torch-tensors.ts'

type Call = (context: TorchContext, args: readonly PickleValue[]) => PickleValue

/** The names that are called, and what they do here. */
const CALLS: ReadonlyMap<string, Call> = new Map<string, Call>([
  ['torch._utils._rebuild_tensor_v2', rebuildTensor],
  ['torch._utils._rebuild_tensor_v3', rebuildUntyped],
  ['torch._utils._rebuild_parameter', rebuildParameter],
  ['torch._utils._rebuild_parameter_with_state', rebuildParameter],
  ['torch.Size', makeSize],
  ['collections.OrderedDict', orderedDict],
  ['numpy.core.multiarray._reconstruct', reconstructArray],
  ['numpy._core.multiarray._reconstruct', reconstructArray],
  ['numpy.dtype', makeType],
  ['_codecs.encode', encodeLatin1],
])

/** Every name that a PyTorch file may load; nothing is looked up outside of this list. */
export const ALLOWED_GLOBALS: ReadonlySet<string> = new Set([
  ...STORAGE_TYPES.keys(),
  UNTYPED_STORAGE,
  ...UNTYPED_TYPES.keys(),
  ...CALLS.keys(),
  'numpy.ndarray',
])

function orderedDict(context: TorchContext, args: readonly PickleValue[]): PickleValue {
  return args.length === 0 ? new Map() : refuse(context, 'an OrderedDict has arguments')
}

/** What the allowed names do: describe tensors, and make Maps, bytes and NumPy arrays. */
export function createTorchActions(context: TorchContext): PickleActions {
  return {
    globals: ALLOWED_GLOBALS,
    call(callee, args) {
      const action = CALLS.get(callee.name)
      return action === undefined ? refuse(context, `${callee.name} is called`) : action(context, args)
    },
    build(value, state) {
      if (value instanceof Map && state instanceof Map) return
      if (value instanceof NumpyType) finishType(context, value, state)
      else if (context.unfinished.has(value)) finishArray(context, value as TensorEntry, state)
      else refuse(context, 'BUILD on something that has no state')
    },
    persistent: (id) => storageOf(context, id),
  }
}
