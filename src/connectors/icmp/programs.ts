import { accessSync, constants } from 'node:fs'
import { delimiter, join } from 'node:path'
import { systemClock } from '../../platform/index.ts'

const places = new Map<string, { readonly path: string | undefined; readonly at: number }>()
const lookAgainMs = 60_000

/** Where a program is; looked up once a minute, so that installing fping takes effect by itself. */
export function program(name: string): string | undefined {
  const known = places.get(name)
  const at = systemClock.elapsed()
  if (known !== undefined && at - known.at < lookAgainMs) return known.path
  const file = process.platform === 'win32' ? `${name}.exe` : name
  const path = [
    ...(process.env['PATH'] ?? '').split(delimiter),
    '/usr/bin',
    '/bin',
    '/usr/sbin',
    '/sbin',
    '/usr/local/bin',
  ]
    .filter((directory) => directory !== '')
    .map((directory) => join(directory, file))
    .find(isRunnable)
  places.set(name, { path, at })
  return path
}

function isRunnable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}
