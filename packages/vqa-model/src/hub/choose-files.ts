import { join, posix } from 'node:path'
import { InputError } from '@lever/durable-files'
import { externalFiles } from '../onnx/external-files.ts'
import {
  dtypeNames,
  dtypeOf,
  sessionFile,
  TEXT_SESSIONS,
  VLM_SESSIONS,
  type FileDtypes,
} from '../onnx/dtypes.ts'
import type { Listing, RemoteFile } from './listing.ts'

/** Files beside the ONNX files; the first is needed, the others as far as they exist. */
const NEEDED = ['config.json']
const WELCOME = [
  'generation_config.json',
  'preprocessor_config.json',
  'processor_config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'chat_template.jinja',
  'chat_template.json',
]

/** ONNX files of an embedder of images and texts (CLIP). */
const EMBEDDER_SESSIONS = ['text_model', 'vision_model']

/**
 * The files that a model needs on this machine, small ones first and external data before the graph that refers to
 * it, so that a graph that is there is complete.
 *
 * @throws InputError if the repository has no such files, with the dtypes it has
 */
export function chooseFiles(id: string, { files }: Listing, dtype: FileDtypes): RemoteFile[] {
  const missing = NEEDED.filter((name) => !files.has(name))
  if (missing.length > 0) throw new InputError(`vqa-model: ${id} has no ${missing.join(', ')}`)
  const chosen = [...NEEDED, ...WELCOME].map((name) => files.get(name)).filter((file) => file !== undefined)
  const has = (session: string): boolean =>
    dtypeNames.some((name) => files.has(`onnx/${sessionFile(session, name)}`))
  const embedder = !has('decoder_model_merged') && EMBEDDER_SESSIONS.every(has)
  const isText = !has('decoder_model_merged') && has('model')
  const wanted = embedder
    ? EMBEDDER_SESSIONS.map((session) => [session, typeof dtype === 'string' ? dtype : 'fp32'] as const)
    : (isText ? TEXT_SESSIONS : VLM_SESSIONS).map((session) => [session, dtypeOf(dtype, session)] as const)
  for (const [session, name] of wanted) {
    const graph = `onnx/${sessionFile(session, name)}`
    if (!files.has(graph)) {
      const there = dtypeNames.filter((other) => files.has(`onnx/${sessionFile(session, other)}`))
      throw new InputError(
        `vqa-model: ${id} has no ${graph}; ` +
          (there.length > 0
            ? `dtypes of ${session} that it has: ${there.join(', ')} (--dtype ${session}=${there[0]!})`
            : 'it is not a model in the ONNX layout of the Hub'),
      )
    }
    const data = [...files.keys()].filter((path) => isDataOf(path, graph)).sort()
    for (const path of [...data, graph]) chosen.push(files.get(path)!)
  }
  return chosen
}

/** `x.onnx_data`, `x.onnx_data_1` and `x.onnx.data` belong to `x.onnx`; other names only the graph itself knows. */
function isDataOf(path: string, graph: string): boolean {
  return path.startsWith(graph) && /^[._]data(_\d+)?$/.test(path.slice(graph.length))
}

/**
 * Files that the graphs in a folder keep weights in and that are not among those chosen by name.
 *
 * @throws InputError for one that the repository does not have
 */
export function furtherFiles(
  id: string,
  { files }: Listing,
  chosen: readonly RemoteFile[],
  folder: string,
): RemoteFile[] {
  const known = new Set(chosen.map(({ path }) => path))
  const graphs = [...known].filter((path) => path.endsWith('.onnx'))
  const wanted = graphs.flatMap((graph) =>
    externalFiles(join(folder, graph)).map(
      (name) => [graph, posix.join(posix.dirname(graph), name)] as const,
    ),
  )
  const further = new Map<string, RemoteFile>()
  for (const [graph, path] of wanted) {
    const file = files.get(path)
    if (file === undefined) throw new InputError(`vqa-model: ${id} has no ${path}, which ${graph} refers to`)
    if (!known.has(path)) further.set(path, file)
  }
  return [...further.values()]
}
