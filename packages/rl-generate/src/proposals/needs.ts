import { InputError } from '@lever/durable-files'
import { refuseUnknownOptions, remedyForName } from '@lever/durable-files/known-options'
import { PROPOSAL_METHOD_NAMES, PROPOSAL_METHODS, type ProposalRequest } from './methods.ts'
import type { ProposalNeed } from './types.ts'

const REMEDIES: Readonly<Record<ProposalNeed, string>> = {
  policy: 'a policy; give a checkpoint, or leave the method out',
  similarities: 'similarities; give embeddings (lever embed), or leave the method out',
  file: 'a file of pointers; give one, or leave the method out',
}

/** Does a method of the mix that proposes anything need this input? */
export function mixNeeds(mix: readonly ProposalRequest[], need: ProposalNeed): boolean {
  return mix.some(({ method, count }) => count !== 0 && PROPOSAL_METHODS[method].needs.includes(need))
}

/** @throws InputError for a method that does not exist, and for an option that its method does not have */
export function checkMix(mix: readonly ProposalRequest[]): void {
  for (const { method, ...options } of mix) {
    if (!Object.hasOwn(PROPOSAL_METHODS, method)) {
      throw new InputError(
        `rl-generate: there is no proposal method "${method as string}"; ${remedyForName(method, PROPOSAL_METHOD_NAMES)}`,
      )
    }
    refuseUnknownOptions(
      options,
      PROPOSAL_METHODS[method].optionNames,
      `rl-generate: proposal method ${method}`,
    )
  }
}

/** @throws InputError if a method of the mix lacks its policy, similarities or file */
export function checkNeeds(
  mix: readonly ProposalRequest[],
  given: {
    readonly policy: unknown
    readonly file: unknown
    readonly similarities: Readonly<Record<string, unknown>>
  },
): void {
  const similarities = Object.keys(given.similarities).length > 0 ? given.similarities : undefined
  const inputs = { ...given, similarities }
  for (const { method, count } of mix) {
    if (count === 0) continue
    const lacking = PROPOSAL_METHODS[method].needs.find((need) => inputs[need] === undefined)
    if (lacking === undefined) continue
    throw new InputError(`rl-generate: proposal method ${method} needs ${REMEDIES[lacking]}`)
  }
}
