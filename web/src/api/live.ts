import { useSyncExternalStore } from 'react'
import type { LiveEvent } from '../../../src/contract/index.ts'
import { apiBase, headers, refusal } from './call.ts'
import { EventStreamReader } from './event-stream.ts'
import { forgetSession } from './session.ts'

/**
 *   connecting ──stream opens──▶ live ──stream ends, or is silent──▶ broken ──stream opens──▶ live
 *
 * `since` is when the state began, in epoch milliseconds of this browser: while broken, what is shown may be as old as that.
 */
export type LiveState = { readonly is: 'connecting' | 'live' | 'broken'; readonly since: number }

/** The server gives a sign of life every 15 s; two missed ones and a little mean that the line is dead. */
const silenceMs = 40_000
const firstWaitMs = 500
const longestWaitMs = 15_000

let state: LiveState = { is: 'connecting', since: Date.now() }
const watchers = new Set<() => void>()

function become(is: LiveState['is']): void {
  if (state.is === is) return
  state = { is, since: Date.now() }
  for (const tell of watchers) tell()
}

export function useLiveState(): LiveState {
  return useSyncExternalStore(
    (watcher) => {
      watchers.add(watcher)
      return () => watchers.delete(watcher)
    },
    () => state,
  )
}

/**
 * Follows the server's events until stopped, through cuts. `onOpen` is called each time the stream opens: whatever happened before
 * that moment was not announced, so what is shown must be loaded again.
 */
export function followEvents(on: { event: (event: LiveEvent) => void; open: () => void }): () => void {
  const stopped = new AbortController()
  const run = async (): Promise<void> => {
    let waitMs = firstWaitMs
    while (!stopped.signal.aborted) {
      try {
        await readStream(stopped.signal, {
          event: on.event,
          open: () => {
            waitMs = firstWaitMs
            become('live')
            on.open()
          },
        })
      } catch {
        // Why it broke does not matter: it is opened again, and the header says that it is broken meanwhile.
      }
      if (stopped.signal.aborted) return
      become('broken')
      // Spread, so that a hundred open portals do not come back to a restarted server at the same moment.
      await pause(waitMs * (0.7 + Math.random() * 0.6), stopped.signal)
      waitMs = Math.min(waitMs * 2, longestWaitMs)
    }
  }
  // Ends with `stopped`; it catches everything itself.
  void run()
  return () => {
    stopped.abort()
    become('connecting')
  }
}

async function readStream(
  stopped: AbortSignal,
  on: { event: (event: LiveEvent) => void; open: () => void },
): Promise<void> {
  const silent = new AbortController()
  let alarm = setTimeout(() => silent.abort(), silenceMs)
  const heard = (): void => {
    clearTimeout(alarm)
    alarm = setTimeout(() => silent.abort(), silenceMs)
  }
  try {
    const response = await fetch(`${apiBase}/events`, {
      headers: { ...headers(), Accept: 'text/event-stream' },
      signal: AbortSignal.any([stopped, silent.signal]),
      cache: 'no-store',
    })
    if (!response.ok || response.body === null) {
      if (response.status === 401) forgetSession()
      throw await refusal(response)
    }
    on.open()
    const reader = new EventStreamReader()
    const pieces = response.body.pipeThrough(new TextDecoderStream()).getReader()
    for (let piece = await pieces.read(); !piece.done; piece = await pieces.read()) {
      heard()
      for (const data of reader.push(piece.value)) on.event(JSON.parse(data) as LiveEvent)
    }
  } finally {
    clearTimeout(alarm)
  }
}

function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      clearTimeout(timer)
      signal.removeEventListener('abort', done)
      resolve()
    }
    const timer = setTimeout(done, ms)
    signal.addEventListener('abort', done)
  })
}
