/**
 * The signed-in session.
 *
 * The token is kept in localStorage rather than sessionStorage: a link in an alarm's mail opens a new tab, and at night nobody
 * should sign in again for each of them. A script that could read one could read the other; what keeps foreign scripts out
 * is the content security policy, and what bounds a stolen token is the session's end on the server.
 */
const key = 'farwatch.session'

export interface Session {
  readonly token: string
  readonly expiresAt: string
}

type Listener = () => void
const listeners = new Set<Listener>()

let held: Session | null = read()

function read(): Session | null {
  try {
    const stored: unknown = JSON.parse(localStorage.getItem(key) ?? 'null')
    if (typeof stored !== 'object' || stored === null) return null
    const { token, expiresAt } = stored as Partial<Session>
    return typeof token === 'string' && typeof expiresAt === 'string' ? { token, expiresAt } : null
  } catch {
    return null
  }
}

export function session(): Session | null {
  return held
}

export function beginSession(next: Session): void {
  held = next
  try {
    localStorage.setItem(key, JSON.stringify(next))
  } catch {
    // Storage is refused in some private windows: the session then lasts as long as this tab.
  }
  for (const tell of listeners) tell()
}

export function forgetSession(): void {
  if (held === null) return
  held = null
  try {
    localStorage.removeItem(key)
  } catch {
    // Nothing was stored where storage is refused.
  }
  for (const tell of listeners) tell()
}

/** Calls back when somebody signed in or out, in this tab or another. */
export function onSession(listener: Listener): () => void {
  listeners.add(listener)
  return () => listeners.delete(listener)
}

window.addEventListener('storage', (event) => {
  if (event.key !== key && event.key !== null) return
  held = read()
  for (const tell of listeners) tell()
})
