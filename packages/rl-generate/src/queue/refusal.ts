import { InputError, differences } from '@lever/durable-files'
import { JOB_VERSION, type QueueJob, type QueueProtocol } from './job.ts'

export function versionRefusal(version: number): InputError {
  return new InputError(
    `rl-generate: the queue has jobs of version ${version} and this worker reads version ${JOB_VERSION}; use one version of lever on all machines`,
  )
}

export function protocolRefusal(
  { protocol: wanted, from }: QueueJob,
  protocol: QueueProtocol,
): InputError | undefined {
  if (wanted.hash === protocol.hash) return undefined
  const unlike = differences(answering(wanted), answering(protocol))
  if (unlike.length === 0 && wanted['metric'] !== protocol['metric']) return undefined
  const told = unlike.slice(0, 5).join('; ')
  return new InputError(
    `rl-generate: the jobs of ${from} (there) are for another protocol than that of this worker (here): ${told || 'hash'}; start the worker with the model and the options of that run, or separate the two by --queue-name`,
  )
}

/** A protocol without what a worker has no part in: answers are scored, and hashes are made, where they are asked for. */
function answering(protocol: QueueProtocol): object {
  return { ...protocol, hash: '', metric: '' }
}
