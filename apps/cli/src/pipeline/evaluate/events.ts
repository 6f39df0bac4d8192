import type { Reporting } from '@lever/icl-eval'
import type { Context } from '../../command.ts'
import type { Stage } from '@lever/terminal'

/** Shows what an evaluation or a report says while it works. */
export function reportingTo({ progress, signal }: Pick<Context, 'progress' | 'signal'>): Reporting {
  const stages = new Map<string, Stage>()
  return {
    signal,
    onWarning: (warning) => progress.warn(warning),
    onNotice: (notice) => progress.info(notice),
    onProgress({ stage: name, done, total, unit, note, ended }) {
      const stage = stages.get(name) ?? progress.stage(name, { unit })
      stages.set(name, stage)
      if (total !== undefined) stage.expect(total)
      stage.update(done, note)
      if (ended !== true) return
      stage.end(note)
      stages.delete(name)
    },
  }
}
