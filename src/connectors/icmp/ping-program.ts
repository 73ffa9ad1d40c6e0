import type { FoundAddress } from '../../platform/index.ts'
import { TargetError, type PingRequest } from '../../sdk/index.ts'
import { runProgram } from '../exec.ts'
import { parsePing } from '../network/ping-output.ts'

/**
 * Asks by the system's `ping`, one process a target.
 * @returns the round trips of the answers in the order of sending, in milliseconds
 */
export async function askByPing(
  ping: string,
  host: string,
  found: FoundAddress,
  request: PingRequest,
  signal: AbortSignal,
): Promise<readonly number[]> {
  const seen = await runProgram(ping, pingArguments(request, found), 64 * 1024, signal)
  if (/not permitted|permission denied/i.test(seen.stderr))
    throw new TargetError('configuration', 'the agent may not use ping (the program needs the capability cap_net_raw)')
  if (/unreachable/i.test(seen.stderr)) throw new TargetError('unreachable', `no route to ${host}`)
  return parsePing(seen.stdout).slice(0, request.count)
}

function pingArguments(
  { count, intervalMs, timeoutMs, size }: PingRequest,
  { address, family }: FoundAddress,
): string[] {
  if (process.platform === 'win32')
    return ['-n', String(count), '-w', String(timeoutMs), '-l', String(size), family === 6 ? '-6' : '-4', address]
  const wait = process.platform === 'darwin' ? String(timeoutMs) : (timeoutMs / 1000).toFixed(3)
  const interval = (Math.max(200, intervalMs) / 1000).toFixed(3)
  return ['-n', '-c', String(count), '-i', interval, '-W', wait, '-s', String(size), address]
}
