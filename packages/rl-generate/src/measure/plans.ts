/*
 * A journal may hold the pointers of several plans: first those of one mix, later those of another. A plan is a line
 * `plan:<number>`. Where it adds pointers to a query that an earlier plan measured, a line `plan:<number>:<query id>`
 * says where its ranks begin, so that an interrupted run gives the same lines as one that was not.
 */

/** How the pointers of a run are proposed: mix, group size, policy. The value of a line `plan:<number>`. */
export type PlanLine = Readonly<Record<string, unknown>>

/** What a plan adds to a query that was there: the value of a line `plan:<number>:<query id>`. */
export interface ExtensionLine {
  readonly query_id: number
  /** Rank of the plan's first pointer. Pointers that were measured before keep their rank. */
  readonly first_rank: number
  /** Outcomes that the query has when the plan is measured. */
  readonly planned: number
}

export function extensionKey(plan: number, queryId: number): string {
  return `plan:${plan}:${queryId}`
}
