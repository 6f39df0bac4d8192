/** The names of the shapes. L14 and L15 are files of tensors, which `@lever/tensor-files` reads. */
export const SHAPE_NAMES = [
  'canonical',
  'L1',
  'L2',
  'L3',
  'L4',
  'L5',
  'L6',
  'L7',
  'L8',
  'L9',
  'L10',
  'L11',
  'L12',
  'L13',
] as const

/** A name of {@link SHAPES}. */
export type Shape = (typeof SHAPE_NAMES)[number]

/** The shapes of a query in a file, by the numbers of the format page. */
export const SHAPES: Readonly<Record<Shape, string>> = {
  canonical: 'the canonical form, version 5',
  L1: 'beams: id_list and score_list',
  L2: 'beams with shots: beams, few_shot_num, shot_scores',
  L3: 'a part of a beam file, written by one process',
  L4: 'candidates without query, _meta and vqa_eval_mode',
  L5: 'candidates without query and _meta, with vqa_eval_mode',
  L6: 'version 4: _meta, query, ids in pointer',
  L7: 'a fixed pool: candidate_pool_ids, positions in pointer, ids in pointer_global',
  L8: 'augmented: the fields of the question beside the candidates',
  L9: 'balanced: only pointer, answer and accuracy',
  L10: 'with outcomes copied from another query',
  L11: 'version 4 without _meta',
  L12: 'a query without candidates',
  L13: 'positions and ids mixed in one query',
}

/** What was seen of a query while it was read. */
export interface ShapeSigns {
  readonly beams: boolean
  readonly shots: boolean
  readonly part: boolean
  readonly canonicalMeta: boolean
  readonly hasMeta: boolean
  readonly hasQuestion: boolean
  readonly flattened: boolean
  readonly augmented: boolean
  readonly balanced: boolean
  readonly hasPool: boolean
  readonly hasEvalMode: boolean
  readonly transferred: boolean
  readonly empty: boolean
  readonly local: boolean
  readonly global: boolean
}

/** The shapes of one query: one main shape, and L10, L12, L13 where they apply. */
export function shapesOf(signs: ShapeSigns): Shape[] {
  const shapes: Shape[] = [mainShape(signs)]
  if (signs.transferred) shapes.push('L10')
  if (signs.empty) shapes.push('L12')
  if (signs.hasPool && signs.local && signs.global) shapes.push('L13')
  return shapes
}

function mainShape(signs: ShapeSigns): Shape {
  if (signs.beams) return signs.part ? 'L3' : signs.shots ? 'L2' : 'L1'
  if (signs.canonicalMeta) return 'canonical'
  if (signs.flattened || signs.augmented) return 'L8'
  if (signs.balanced) return 'L9'
  if (signs.hasPool) return 'L7'
  if (signs.hasQuestion) return signs.hasMeta ? 'L6' : 'L11'
  return signs.hasEvalMode ? 'L5' : 'L4'
}
