import type { Audit, Trained, TrainFilesEvent, TrainResult, ValidationRow } from '@lever/grpo-trainer'
import type { Context } from '../../command.ts'

/**
 * Shows the events of a training on a progress line, and gives what it ends with. Interrupted, it saves and throws the reason
 * of the signal; run again, it continues.
 * @param name of the policy, where no event says it
 */
export async function followTraining<R extends TrainResult>(
  events: AsyncGenerator<TrainFilesEvent, R>,
  { progress, signal }: Context,
  name?: string,
): Promise<Trained<R>> {
  let title = name === undefined ? undefined : `train ${name}`
  let stage = title === undefined ? undefined : progress.stage(title, { unit: 'steps' })
  let audit: Audit | undefined
  let reward = ''
  const validations: ValidationRow[] = []
  const warnings: string[] = []
  const warn = (message: string): void => {
    warnings.push(message)
    progress.warn(message)
  }
  for (;;) {
    const { done, value } = await events.next()
    if (done === true) {
      if (value.status === 'interrupted') signal.throwIfAborted()
      stage?.end(reward)
      return { result: value, audit: audit!, validations, warnings }
    }
    if (value.type === 'loaded') {
      title = `train ${value.name}`
      stage = progress.stage(title, { unit: 'steps' })
    }
    if (value.type === 'audit') {
      audit = value.audit
      for (const warning of audit.warnings) warn(warning)
      stage?.expect(audit.phases.reduce((sum, { steps }) => sum + steps, 0))
    }
    if (value.type === 'warning') warn(value.message)
    if (value.type === 'notice')
      progress.info(title === undefined ? value.message : `${title}: ${value.message}`)
    if (value.type === 'step') {
      const { phase, step, metrics } = value
      stage?.update(step, `${phase} loss ${figure(metrics['loss'])}${reward && `, ${reward}`}`)
    }
    if (value.type === 'validation') {
      const { phase, epoch, metrics, best } = value
      validations.push({ phase, epoch, metrics, best })
      reward = `validation reward ${figure(metrics['eval/reward'])}`
    }
    // Lets SIGINT be seen between two chunks.
    await new Promise(setImmediate)
  }
}

function figure(value: number | undefined): string {
  return value === undefined ? '-' : value.toFixed(3)
}
