import { elementwiseCases } from './elementwise-cases.ts'
import { layerCases } from './layer-cases.ts'
import type { OperatorCase } from './operator-case.ts'
import { shapeCases } from './shape-cases.ts'

/** Every operator and layer of this package; the suite refuses an export that is not here. */
export const operatorCases: Readonly<Record<string, OperatorCase>> = {
  ...elementwiseCases,
  ...shapeCases,
  ...layerCases,
}
