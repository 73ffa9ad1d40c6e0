import type { Problem } from '../../sdk/index.ts'

/** `host` and `port` as one text; IPv6 addresses in brackets. */
export function hostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

/** Reads `host`, `host:port`, `[::1]:port` or a bare IPv6 address. Undefined where it is none of them. */
export function readHostPort(text: string, defaultPort: number): { host: string; port: number } | undefined {
  const found = /^(?:\[([0-9a-fA-F:.%]+)\]|([^\s:/[\]@]+))(?::(\d{1,5}))?$/.exec(text)
  if (found === null)
    return /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*:[0-9a-fA-F:.]*$/.test(text) ? { host: text, port: defaultPort } : undefined
  const port = found[3] === undefined ? defaultPort : Number(found[3])
  return port < 1 || port > 65535 ? undefined : { host: found[1] ?? found[2]!, port }
}

/** The form of a host name or address in a setting: nothing that a program could read as an option or a path. */
export const hostPattern = '[A-Za-z0-9_][A-Za-z0-9_.\\-]*|[0-9a-fA-F:.]*:[0-9a-fA-F:.%A-Za-z0-9]*'

export function hostPortProblems(text: string | undefined, path: string): readonly Problem[] {
  if (text === undefined || text === '' || readHostPort(text, 1) !== undefined) return []
  return [{ path, message: 'is not a host with a port', hint: 'For example: 10.0.0.5:8080' }]
}
