import { hashBytes } from '@lever/durable-files'

/**
 * The id of a question that has none, from what it is: the same question about the same image draws the same random
 * candidates on every machine. Negative, so that it is no id of a library; 48 bits.
 */
export function queryId(question: string, imageHash: string | null): number {
  return -1 - parseInt(hashBytes(`${imageHash ?? ''}\0${question}`).slice(0, 12), 16)
}
