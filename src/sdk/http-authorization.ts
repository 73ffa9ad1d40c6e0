import type { Problem } from '../base/index.ts'
import type { Params, SettingsOf } from './params.ts'
import type { HttpAuthorization } from './plugin.ts'

/** The settings by which a plugin that speaks HTTP signs in; spread them into its own. */
export const authorizationSettings = {
  token: { kind: 'secret', label: 'Bearer token', optional: true, help: 'Sent as Authorization: Bearer …' },
  username: { kind: 'text', label: 'User name', optional: true, help: 'For Authorization: Basic.' },
  password: { kind: 'secret', label: 'Password', optional: true },
} as const satisfies Params

type Settings = SettingsOf<typeof authorizationSettings>

/** What is wrong with them together. */
export function authorizationProblems(settings: Settings): readonly Problem[] {
  if (settings.token !== undefined && settings.username !== undefined)
    return [{ path: 'token', message: 'cannot stand beside username: a request has one Authorization' }]
  if (settings.password !== undefined && settings.username === undefined)
    return [{ path: 'password', message: 'needs a username beside it' }]
  return []
}

export function authorizationOf(settings: Settings): { authorization?: HttpAuthorization } {
  if (settings.token !== undefined) return { authorization: { bearer: settings.token } }
  if (settings.username !== undefined)
    return { authorization: { username: settings.username, password: settings.password ?? '' } }
  return {}
}
