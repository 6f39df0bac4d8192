import type { OpenSelector } from '@lever/selector'
import type { ChatCall, ChatReply } from '../chat/reply.ts'
import type { Metrics } from '../http/metrics.ts'
import type { ImageRules } from '../images/open-image.ts'

/** Who answers chats: an upstream, or the local model. */
export interface Answerer {
  /** `upstream`, or the name of the local model */
  readonly name: string
  readonly isLocal: boolean
  complete(call: ChatCall): Promise<ChatReply>
  models(headers: ChatCall['headers'], signal: AbortSignal): Promise<ChatReply>
}

/** What the routes work with. */
export interface Serving {
  readonly version: string
  readonly selector: OpenSelector
  readonly answerer: Answerer
  readonly metrics: Metrics
  readonly images: ImageRules
  readonly writable: boolean
  /** seconds that a choice may take */
  readonly timeout: number
  isReady(): boolean
}
