import type { Random } from '@lever/reward-utils'

const ROUNDS = 30

/**
 * Clusters points on the unit sphere (each row is normalised first) with k-means++ and Lloyd's rounds, and returns
 * the index of the point nearest to each centre, one per group that is not empty.
 */
export function kMeans(rows: readonly Float32Array[], k: number, random: Random): number[] {
  return kMeansGroups(rows, k, random).flatMap(([first]) => (first === undefined ? [] : [first]))
}

/** The groups of {@link kMeans}: indices of their points, nearest to the centre first. */
export function kMeansGroups(rows: readonly Float32Array[], k: number, random: Random): number[][] {
  const points = rows.map(normalise)
  let centres = seedCentres(points, k, random)
  let assigned = points.map((point) => closest(point, centres))
  for (let round = 0; round < ROUNDS; round++) {
    centres = centres.map((centre, c) => mean(points, assigned, c) ?? centre)
    const next = points.map((point) => closest(point, centres))
    const stable = next.every((c, i) => c === assigned[i])
    assigned = next
    if (stable) break
  }
  return centres.map((centre, c) => {
    const members = points.map((_, i) => i).filter((i) => assigned[i] === c)
    const distance = new Map(members.map((i) => [i, squared(points[i]!, centre)]))
    return members.sort((a, b) => distance.get(a)! - distance.get(b)! || a - b)
  })
}

/** k-means++ (Arthur and Vassilvitskii 2007): each next centre is drawn with weight squared distance to the nearest. */
function seedCentres(points: readonly Float64Array[], k: number, random: Random): Float64Array[] {
  const centres = [points[random.int(points.length)]!]
  while (centres.length < k) {
    const weights = points.map((point) => squared(point, centres[closest(point, centres)]!))
    const total = weights.reduce((sum, weight) => sum + weight, 0)
    if (total === 0) break
    let left = random.next() * total
    const drawn = weights.findIndex((weight) => (left -= weight) < 0)
    centres.push(points[drawn === -1 ? weights.length - 1 : drawn]!)
  }
  return centres
}

function normalise(row: Float32Array): Float64Array {
  let square = 0
  for (let d = 0; d < row.length; d++) square += row[d]! * row[d]!
  const norm = Math.sqrt(square)
  const point = new Float64Array(row.length)
  if (norm > 0) for (let d = 0; d < row.length; d++) point[d] = row[d]! / norm
  return point
}

function closest(point: Float64Array, centres: readonly Float64Array[]): number {
  let best = 0
  let smallest = Infinity
  for (let c = 0; c < centres.length; c++) {
    const distance = squared(point, centres[c]!)
    if (distance < smallest) [best, smallest] = [c, distance]
  }
  return best
}

function mean(
  points: readonly Float64Array[],
  assigned: readonly number[],
  c: number,
): Float64Array | undefined {
  const members = points.filter((_, i) => assigned[i] === c)
  if (members.length === 0) return undefined
  const centre = new Float64Array(members[0]!.length)
  for (const point of members) for (let d = 0; d < centre.length; d++) centre[d]! += point[d]!
  for (let d = 0; d < centre.length; d++) centre[d]! /= members.length
  return centre
}

function squared(a: Float64Array, b: Float64Array): number {
  let sum = 0
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!
    sum += difference * difference
  }
  return sum
}
