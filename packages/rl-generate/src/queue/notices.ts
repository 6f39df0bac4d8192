import { printableLine } from '@lever/terminal'

/** Notices hold what others put into the queue: job ids, reasons, messages of a server. Each stays one harmless line. */
export function printableNotices(onNotice: (line: string) => void = () => undefined): (line: string) => void {
  return (line) => onNotice(printableLine(line))
}
