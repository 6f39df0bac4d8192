import { InputError } from '@lever/durable-files'
import type { PoolSearch } from '@lever/rl-generate'
import type { EmbeddingKind } from '@lever/tensor-files'
import type { EmbedderName, PromptTemplate } from '@lever/vqa-model'

/** Names of the files of a bundle, relative to its folder. */
export const BUNDLE_FILES = {
  manifest: 'manifest.json',
  policy: 'policy.safetensors',
  /** What every example gains for all questions alike, for `static`. */
  static: 'static.json',
  /** The policy that searches the library, for pool method `learned`, and the library's vectors by it. */
  poolPolicy: 'pool-policy.safetensors',
  poolVectors: 'pool-vectors.safetensors',
  library: 'library.jsonl',
  embeddings: 'embeddings.safetensors',
  /** Folder of indexes, and of the embeddings of one kind that an index is of. */
  index: 'index',
  embedder: 'embedder',
  images: 'images',
  thumbnails: 'thumbnails',
  /** Examples that were added and removed since. */
  changes: 'changes.jsonl',
} as const

/** What chooses: the policy, or a baseline and why it stands in the policy's place. */
export interface ChosenSelector {
  readonly kind: 'policy' | 'baseline'
  /** `policy`, or the name of a selector such as `rices-both`. */
  readonly name: string
  /** `floor`: training found the baseline better than the policy. `asked`: whoever made the bundle named it. */
  readonly because: 'trained' | 'floor' | 'asked'
  /** In words, for people; null where there is nothing to say. */
  readonly note: string | null
}

/** How new questions are embedded. */
export interface BundledEmbedder {
  readonly embedder: EmbedderName
  /** What the embedder calls itself. */
  readonly model: string
  /** Id on the Hub, where it was named by one. */
  readonly id: string | null
  /** Hash of the files that fix the vectors. */
  readonly hash: string
  readonly kind: EmbeddingKind
  /** D */
  readonly dim: number
  /** Columns of the image in rows of both; 0 where they are mixed. */
  readonly imageDim: number
  /** Is the model in the bundle, under `embedder/`? */
  readonly included: boolean
}

/** What is known of the policy. */
export interface BundledPolicy {
  readonly architecture: string
  readonly config: object
  readonly phase: string | null
  readonly epoch: number | null
  readonly metrics: Readonly<Record<string, number>>
  /** No training changed it: its choices are those of random parameters. */
  readonly untrained: boolean
  readonly dataHash: string | null
  readonly protocolHash: string | null
}

/** How the candidates of a question are drawn from the library. */
export interface BundledPool {
  readonly method: string
  /** N */
  readonly size: number
  readonly seed: number
  /** SHA-256 of the checkpoint that searches, for method `learned`. */
  readonly policy?: string
}

/** A line of what an evaluation found, in per cent. */
export interface EvaluationLine {
  readonly selector: string
  readonly shots: number
  readonly accuracy: number | null
  /** 95 % interval. */
  readonly ci: readonly [low: number, high: number] | null
  readonly n: number
}

/** What is known of the answers that demonstrations are for. */
export interface BundledEvaluation {
  /** Of the answers: model, prompt, decoding, pixels, metric. */
  readonly protocol: Readonly<Record<string, string>> | null
  readonly lines: readonly EvaluationLine[]
}

/** Bytes and SHA-256 of a file. */
export interface FileRecord {
  readonly bytes: number
  readonly sha256: string
}

/** `manifest.json` of a bundle: all paths are relative to its folder. */
export interface BundleManifest {
  readonly format: 'lever-bundle'
  readonly version: 1
  readonly packageVersion: string
  readonly selector: ChosenSelector
  /** K that is chosen where none is asked for. */
  readonly shots: number
  readonly policy: BundledPolicy | null
  readonly pool: BundledPool | null
  readonly embedder: BundledEmbedder
  readonly template: PromptTemplate
  readonly library: {
    readonly name: string
    readonly split: string
    /** Hash of the dataset. */
    readonly hash: string
    /** M */
    readonly examples: number
    readonly images: number
  }
  readonly evaluation: BundledEvaluation | null
  /** What whoever passes the bundle on must know. */
  readonly licences: readonly string[]
  readonly images: { readonly included: boolean; readonly thumbnails: boolean }
  /** What is searched by an index; empty where searches compare every row. */
  readonly indexes: readonly PoolSearch[]
  /** Every file but the manifest itself, images and thumbnails, whose names are hashes of their content. */
  readonly files: Readonly<Record<string, FileRecord>>
  /** What all of it takes, by the formula of the package's README. */
  readonly bytes: Readonly<Record<string, number>>
}

/** @throws InputError if the text is not a manifest that this version reads */
export function parseManifest(text: string, path: string): BundleManifest {
  const refuse = (why: string): never => {
    throw new InputError(`selector: ${path} ${why}; make the bundle again (lever bundle)`)
  }
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (error) {
    return refuse(`is not JSON (${(error as Error).message})`)
  }
  const { format, version } = (value ?? {}) as Partial<Record<string, unknown>>
  if (format !== 'lever-bundle') return refuse('is not the manifest of a bundle')
  if (version !== 1) return refuse(`is of version ${JSON.stringify(version)}, and 1 can be read`)
  const manifest = value as BundleManifest
  for (const name of ['selector', 'embedder', 'template', 'library', 'files', 'images'] as const) {
    if (typeof manifest[name] !== 'object') return refuse(`has no "${name}"`)
  }
  const outside = Object.keys(manifest.files).find((file) => !isInside(file))
  if (outside !== undefined) return refuse(`names ${JSON.stringify(outside)}, which is not inside the bundle`)
  return manifest
}

/** Is a path of a bundle relative, and below its folder? */
export function isInside(path: string): boolean {
  return /^[\w.-]+(\/[\w.-]+)*$/.test(path) && !path.split('/').includes('..')
}
