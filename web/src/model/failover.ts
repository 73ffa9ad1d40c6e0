import type { Failover } from '../../../src/contract/index.ts'

export type PairRole = Failover['role']
export type PairMode = Failover['mode']

/** What stands in the form; the durations in seconds, as texts. */
export interface PairDraft {
  readonly role: PairRole
  readonly mode: PairMode
  readonly peerUrl: string
  readonly peerUuid: string
  readonly timeout: string
  readonly poll: string
}

type Settings = Pick<Failover, 'role' | 'mode' | 'peerUrl' | 'peerUuid' | 'timeoutMs' | 'pollMs'>

export function draftOf({ role, mode, peerUrl, peerUuid, timeoutMs, pollMs }: Settings): PairDraft {
  return { role, mode, peerUrl, peerUuid, timeout: String(timeoutMs / 1_000), poll: String(pollMs / 1_000) }
}

/** The modes that make sense in a role; the one that it has is always among them. */
export function modesOf(role: PairRole, present: PairMode): readonly PairMode[] {
  const sensible: readonly PairMode[] =
    role === 'NONE' ? ['OFF'] : role === 'PRIMARY' ? ['ACTIVE', 'OFF'] : ['STANDBY', 'OFF']
  return sensible.includes(present) ? sensible : [present, ...sensible]
}

/** Another role: what is likely meant with it, and never a mode that the role has not. */
export function withRole(draft: PairDraft, role: PairRole): PairDraft {
  const mode = role === 'NONE' ? 'OFF' : role === 'PRIMARY' ? 'ACTIVE' : 'STANDBY'
  return role === draft.role ? draft : { ...draft, role, mode }
}

export interface PairChange {
  role?: PairRole
  mode?: PairMode
  peerUrl?: string
  peerUuid?: string
  timeoutMs?: number
  pollMs?: number
}

/**
 * What a draft asks for. Only what differs is sent: a mode that is given counts as asked for, and a held PRIMARY refuses to be set to ACTIVE.
 * @returns the fields that are no numbers where there are any
 */
export function judgeDraft(
  now: Settings,
  draft: PairDraft,
):
  | { readonly ok: true; readonly change: PairChange }
  | { readonly ok: false; readonly wrong: readonly ('timeout' | 'poll')[] } {
  const timeoutMs = millis(draft.timeout)
  const pollMs = millis(draft.poll)
  if (timeoutMs === undefined || pollMs === undefined)
    return {
      ok: false,
      wrong: [
        ...(timeoutMs === undefined ? ['timeout' as const] : []),
        ...(pollMs === undefined ? ['poll' as const] : []),
      ],
    }
  const wanted: Settings = {
    ...draft,
    peerUrl: draft.peerUrl.trim(),
    peerUuid: draft.peerUuid.trim(),
    timeoutMs,
    pollMs,
  }
  return {
    ok: true,
    change: {
      ...(wanted.role === now.role ? {} : { role: wanted.role }),
      ...(wanted.mode === now.mode ? {} : { mode: wanted.mode }),
      ...(wanted.peerUrl === now.peerUrl ? {} : { peerUrl: wanted.peerUrl }),
      ...(wanted.peerUuid === now.peerUuid ? {} : { peerUuid: wanted.peerUuid }),
      ...(wanted.timeoutMs === now.timeoutMs ? {} : { timeoutMs: wanted.timeoutMs }),
      ...(wanted.pollMs === now.pollMs ? {} : { pollMs: wanted.pollMs }),
    },
  }
}

/** How far a hand-over has come: still here; the other one acts; and of a drill, acting here again. */
export type SwitchStep = 'leaving' | 'there' | 'back'

/**
 * Where a hand-over from here stands, from what is seen meanwhile: each switch begins a new term.
 * @param begunTerm the term when it was asked for
 */
export function switchStep(begunTerm: number, now: Pick<Failover, 'acts' | 'term' | 'peer'>): SwitchStep {
  if (now.acts) return now.term > begunTerm ? 'back' : 'leaving'
  return now.peer?.acts === true ? 'there' : 'leaving'
}

function millis(seconds: string): number | undefined {
  const text = seconds.trim().replace(',', '.')
  return /^\d{1,6}(\.\d{1,3})?$/.test(text) ? Math.round(Number(text) * 1_000) : undefined
}
