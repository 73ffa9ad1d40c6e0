import type { QueryClient, QueryKey } from '@tanstack/react-query'
import type { LiveEvent } from '../../../src/contract/index.ts'
import { Pacer } from './pacer.ts'
import { systems } from './queries.ts'

/** Above so many systems their index is megabytes, and where so much is watched some alarm comes or goes every second. */
const largeIndex = 2_000
const largeIndexMs = 10_000

function isLarge(client: QueryClient): boolean {
  return (client.getQueryData(systems.queryKey)?.length ?? 0) > largeIndex
}

const lists = ['systems', 'groups']

/**
 * Turns live events into fresh data. Alarms are shown as soon as they come; results, which come all the time, are gathered, because
 * each refresh costs the server a query and nobody reads a chart that redraws ten times a second. Lists of all systems, which may be
 * ten thousand, wait longest: what results change in them is a share of coverage.
 */
export function followWith(client: QueryClient): {
  event: (event: LiveEvent) => void
  open: () => void
  stop: () => void
} {
  const pacer = new Pacer<QueryKey>(
    (keys) => Promise.all(keys.map((queryKey) => client.invalidateQueries({ queryKey }))),
    {
      now: () => performance.now(),
      after: (delayMs, act) => {
        const timer = setTimeout(act, delayMs)
        return () => clearTimeout(timer)
      },
    },
  )
  const refreshLists = (delayMs: number): void =>
    pacer.want(isLarge(client) ? largeIndexMs : delayMs, ...lists.map((name) => [name]))
  let wasOpen = false
  return {
    event: (event) => {
      switch (event.is) {
        case 'alarm':
          pacer.want(200, ['alarms'], ['status'])
          refreshLists(1_000)
          pacer.want(1_000, ['tasks'])
          break
        case 'results':
          pacer.want(
            3_000,
            ['tasks'],
            ...(event.more === true
              ? [['chart'], ['results']]
              : event.tasks.flatMap(({ task }) => [
                  ['chart', task],
                  ['results', task],
                ])),
          )
          pacer.want(15_000, ...lists.map((name) => [name]))
          break
        case 'agents':
          // A thousand agents that come back together announce themselves one by one.
          pacer.want(500, ['agents'], ['placement'], ['associations'], ['status'])
          refreshLists(2_000)
          pacer.want(2_000, ['tasks'])
          break
        case 'configuration':
          pacer.want(200, [])
          break
      }
    },
    open: () => {
      pacer.reset()
      // Anything may have happened while nobody listened. When a page is opened that was a moment, in which large lists hardly change.
      const later = !wasOpen && isLarge(client)
      wasOpen = true
      void client.invalidateQueries({ predicate: ({ queryKey: [about] }) => !later || !lists.includes(String(about)) })
      if (later) refreshLists(0)
    },
    stop: () => pacer.reset(),
  }
}
