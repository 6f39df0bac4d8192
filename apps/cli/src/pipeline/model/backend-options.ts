import { InputError } from '@lever/durable-files'
import { camel } from '../../names.ts'
import type { ModelChoice } from './model.ts'

/**
 * The backends that have a use for an option; what is not here is for all. A server's model takes `--decoding-beams`
 * and `--max-pixels` as far as to say what to do in their place.
 */
const TAKERS: Readonly<Record<string, readonly string[]>> = {
  'base-url': ['openai'],
  concurrency: ['openai'],
  timeout: ['openai'],
  'extra-body': ['openai'],
  template: ['onnx', 'openai'],
  'max-new-tokens': ['onnx', 'openai'],
  'decoding-beams': ['onnx', 'openai'],
  'max-pixels': ['onnx', 'openai'],
  dtype: ['onnx'],
  device: ['onnx'],
  workers: ['onnx'],
  threads: ['onnx'],
  'image-cache': ['onnx'],
}

/** @throws InputError for an option that was given and that the backend would ignore */
export function checkBackendOptions(choice: ModelChoice): void {
  const { backend } = choice
  for (const [option, takers] of Object.entries(TAKERS)) {
    if (takers.includes(backend) || choice[camel(option) as keyof ModelChoice] === undefined) continue
    throw new InputError(
      `--${option} is for --backend ${takers.join(' and ')}, and has no effect with --backend ${backend}; leave it out, or choose ${takers.length > 1 ? 'one of those' : 'that one'}`,
    )
  }
}
