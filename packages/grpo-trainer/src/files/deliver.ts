import { architectureOf, readCheckpoint, writeCheckpoint } from '@lever/pointer-model'
import type { Selection } from '@lever/pointer-model'
import { findFloor } from '../floor/floor.ts'
import type { FloorOptions } from '../floor/floor.ts'
import { selectionEvent } from '../floor/text.ts'
import type { TrainEvent, TrainResult } from '../types.ts'
import type { LoadedTraining } from './training-data.ts'

/** Writes what stands above the floor into the best checkpoint, and says what that is. */
export async function* deliver(
  { best, checkpoint }: Pick<TrainResult, 'best'> & { readonly checkpoint: string },
  { data, columns }: LoadedTraining,
  from: Pick<FloorOptions, 'start' | 'threads'>,
): AsyncGenerator<TrainEvent, Selection | undefined> {
  const stops = architectureOf(best.model.architecture).stops === true
  const delivered = stops ? undefined : await findFloor({ data, columns, trained: best, ...from })
  if (delivered === undefined) {
    const why = stops
      ? 'policies that may stop are not compared with baselines'
      : 'there are no validation queries'
    yield { type: 'notice', message: `${why}: the checkpoint is the policy, whatever a baseline would do` }
    return undefined
  }
  const { info } = await readCheckpoint(checkpoint)
  await writeCheckpoint(checkpoint, {
    model: delivered.model,
    info: { ...info, selection: delivered.selection },
  })
  yield selectionEvent(delivered.selection)
  return delivered.selection
}
