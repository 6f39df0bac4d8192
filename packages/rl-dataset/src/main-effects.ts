/** Measured pointers of one query, as ids, each with a value: expected accuracy, accuracy, or any reward. */
export interface ValuedPointers {
  readonly pointers: readonly { readonly ids: readonly number[]; readonly value: number }[]
}

/** What showing an example gains for every query alike. */
export interface MainEffect {
  /** Units of the values; 0 for an example that is like the average one. */
  readonly effect: number
  /** Measured pointers that show it. */
  readonly count: number
}

/** The main effect of every demonstration, and how well they explain the rewards. */
export interface MainEffects {
  readonly effects: ReadonlyMap<number, MainEffect>
  /** Measurements that count as much as the prior that all examples are alike (lambda). */
  readonly shrinkage: number
  /** Standard deviation of the effects of examples, and of what they do not explain within a query. */
  readonly between: number
  readonly within: number
}

/** Sweeps over the examples, at most; a few do where pointers are drawn at random. */
const MAX_SWEEPS = 200
/** Largest lambda: examples that do not differ at all would make it infinite. */
const MAX_SHRINKAGE = 1e4

/**
 * Main effects of examples in the additive model y(q, p) = a(q) + mean over c in p of b(c) + noise: query effects a are
 * removed, and b(c) is shrunk towards 0 the more, the more seldom c was measured, by a normal prior whose variance is
 * estimated too (empirical Bayes: coordinate descent on ridge regression, and expectation-maximisation of
 * lambda = var(noise) / var(b) with a diagonal posterior). For single demonstrations and complete data b(c) is the mean
 * of y - mean(y of the query), times n / (n + lambda).
 *
 * Queries with one pointer say nothing about effects. An example that was never measured has none: take 0.
 */
export function mainEffects(queries: readonly ValuedPointers[]): MainEffects {
  const groups = queries.map(({ pointers }) => pointers).filter(({ length }) => length > 1)
  const measured = groups.flat()
  const observations = observationsOf(groups)
  const b = new Map([...observations.keys()].map((id) => [id, 0]))
  const fitted = groups.map((pointers) => pointers.map(() => 0))
  const rest = measured.length - groups.length
  const variance = mean(groups.map((pointers) => spread(pointers.map(({ value }) => value))))
  let [noise, prior] = [variance, variance / 10]
  let lambda = Math.min(MAX_SHRINKAGE, noise / prior)
  if (!(variance > 0)) return result(observations, b, { lambda: MAX_SHRINKAGE, noise: 0, prior: 0 })
  for (let sweep = 0; sweep < MAX_SWEEPS; sweep++) {
    const centres = groups.map((pointers, q) => mean(pointers.map(({ value }, g) => value - fitted[q]![g]!)))
    let moved = 0
    for (const [id, own] of observations) {
      let [sum, weight] = [0, 0]
      const before = b.get(id)!
      for (const { q, g, share } of own) {
        const residual = groups[q]![g]!.value - centres[q]! - fitted[q]![g]!
        sum += share * (residual + share * before)
        weight += share * share
      }
      const next = sum / (weight + lambda)
      for (const { q, g, share } of own) fitted[q]![g]! += share * (next - before)
      b.set(id, next)
      moved = Math.max(moved, Math.abs(next - before))
    }
    const settled = moved <= 1e-9 * Math.sqrt(variance)
    const next = varianceOf({ groups, fitted, observations, b, lambda, noise, rest })
    ;({ noise, prior } = next)
    const changed = Math.min(MAX_SHRINKAGE, noise / prior)
    if (settled && Math.abs(changed - lambda) <= 1e-6 * lambda) break
    lambda = changed
  }
  return result(observations, b, { lambda, noise, prior })
}

interface Observation {
  readonly q: number
  readonly g: number
  /** 1 / number of demonstrations of the pointer. */
  readonly share: number
}

type Groups = readonly ValuedPointers['pointers'][]

/** Where every example was measured, examples in the order of their ids. */
function observationsOf(groups: Groups): Map<number, Observation[]> {
  const found = new Map<number, Observation[]>()
  groups.forEach((pointers, q) =>
    pointers.forEach(({ ids }, g) =>
      ids.forEach((id) => {
        const own = found.get(id) ?? []
        own.push({ q, g, share: 1 / ids.length })
        found.set(id, own)
      }),
    ),
  )
  return new Map([...found].sort(([a], [b]) => a - b))
}

/** One step of expectation-maximisation for the variances of noise and effects. */
function varianceOf({
  groups,
  fitted,
  observations,
  b,
  lambda,
  noise,
  rest,
}: {
  readonly groups: Groups
  readonly fitted: readonly (readonly number[])[]
  readonly observations: ReadonlyMap<number, readonly Observation[]>
  readonly b: ReadonlyMap<number, number>
  readonly lambda: number
  readonly noise: number
  readonly rest: number
}): { readonly noise: number; readonly prior: number } {
  let residuals = 0
  groups.forEach((pointers, q) => {
    const left = pointers.map(({ value }, g) => value - fitted[q]![g]!)
    const centre = mean(left)
    for (const one of left) residuals += (one - centre) ** 2
  })
  let [effects, explained] = [0, 0]
  for (const [id, own] of observations) {
    const weight = own.reduce((sum, { share }) => sum + share * share, 0)
    const posterior = noise / (weight + lambda)
    effects += b.get(id)! ** 2 + posterior
    explained += weight * posterior
  }
  return { noise: (residuals + explained) / rest, prior: effects / observations.size }
}

function result(
  observations: ReadonlyMap<number, readonly Observation[]>,
  b: ReadonlyMap<number, number>,
  { lambda, noise, prior }: { readonly lambda: number; readonly noise: number; readonly prior: number },
): MainEffects {
  const effects = new Map(
    Array.from(observations, ([id, own]) => [id, { effect: b.get(id)!, count: own.length }]),
  )
  return { effects, shrinkage: lambda, between: Math.sqrt(prior), within: Math.sqrt(noise) }
}

const mean = (values: readonly number[]): number =>
  values.length === 0 ? 0 : values.reduce((sum, value) => sum + value, 0) / values.length

/** Variance of a sample. */
function spread(values: readonly number[]): number {
  const centre = mean(values)
  return values.reduce((sum, value) => sum + (value - centre) ** 2, 0) / (values.length - 1)
}
