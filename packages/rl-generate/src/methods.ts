export { POOL_METHOD_NAMES, type PoolMethodName } from './pools/methods.ts'
export { PROPOSAL_METHOD_NAMES, type ProposalMethodName } from './proposals/methods.ts'
