import { createHash } from 'node:crypto'
import { readFileSync, readlinkSync } from 'node:fs'
import { hostname } from 'node:os'

/**
 * Names the place whose process ids this process can look up: host, boot and, on Linux, the
 * process id namespace. Two processes with the same place can tell exactly whether the other
 * one is alive.
 */
export function processPlace(): string {
  const parts = [hostname(), read('/proc/sys/kernel/random/boot_id'), namespace()]
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 12)
}

/**
 * When a process started, in the kernel's own ticks since boot, so that a process id that was
 * given to another process is noticed. "0" where the system does not tell (no /proc);
 * undefined when there is no such process, or only its zombie.
 */
export function processStart(pid: number): string | undefined {
  const stat = read(`/proc/${pid}/stat`)
  if (stat === '') return hasProc() || !answers(pid) ? undefined : '0'
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const [state, start] = [fields[0], fields[19]]
  return state === 'Z' || state === 'X' ? undefined : (start ?? '0')
}

function hasProc(): boolean {
  return read('/proc/self/stat') !== ''
}

function answers(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM'
  }
}

function namespace(): string {
  try {
    return readlinkSync('/proc/self/ns/pid')
  } catch {
    return ''
  }
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
