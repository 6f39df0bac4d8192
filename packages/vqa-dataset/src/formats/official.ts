import type { StreamOptions } from '@lever/json-text/node'
import { readOfficial as readFiles } from '@lever/vqa-eval/node'
import type { Joined } from '../joined.ts'
import { splitOfName } from '../splits.ts'

/** Official files of VQA v1, v2 and OK-VQA: questions joined with annotations by id. The annotations may be missing. */
export async function readOfficial(
  { questions, annotations }: { questions: string; annotations?: string | undefined },
  stream: StreamOptions,
): Promise<Joined> {
  const { questions: rows, dataType, dataSubtype } = await readFiles({ questions, annotations }, stream)
  return {
    form: 'official',
    metric: 'official',
    name: dataType ?? 'vqa',
    split: dataSubtype ?? splitOfName(questions.split(/[\\/]/).at(-1)!),
    rows,
    notices: [],
  }
}
