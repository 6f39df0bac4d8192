import type { Schema, Settings } from '@lever/settings'
import type { OptionNames } from '@lever/durable-files/known-options'
import type { ModelProtocol, BackendModel } from '../types.ts'

/** What a backend is given besides its own settings. */
export interface ModelContext {
  /** Folder, id or path that names the model; undefined where none was given. */
  readonly model?: string | undefined
  /** What answers will be scored by, for the protocol. */
  readonly metric?: string | undefined
  /** The folder of the bundled model, for backends that can run it. */
  readonly bundled?: string | undefined
  /** Environment variables, for keys that should not stand on a command line. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Receives one line when something was chosen or changed. */
  readonly onNotice?: (line: string) => void
}

/** A kind of VQA model. `backends/index.ts` lists them. */
export interface Backend<Options, S extends Schema> {
  /** What it is, as a phrase for help. */
  readonly about: string
  /** The settings that it takes, as plain data. A command makes its flags of them. */
  readonly settings: S
  /**
   * The options that `open` takes.
   *
   * @throws InputError for what this backend cannot do
   */
  readonly toOptions: (settings: Settings<S>, context: ModelContext) => Options
  /** The name of every option of `open`; another one is refused. */
  readonly optionNames: OptionNames<Options>
  /** Opens a model. Heavy libraries are loaded now, not before. */
  readonly open: (options: Options) => Promise<BackendModel>
  /** The protocol at less cost than opening the model; when left out, the model is opened and closed. */
  readonly readProtocol?: (options: Options) => Promise<ModelProtocol>
}
