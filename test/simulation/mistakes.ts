import { Spool } from '../../src/agent/spool.ts'
import { DayLedger } from '../../src/ingest/ledger.ts'
import type { ServerLink } from '../../src/model/index.ts'
import type { Law } from './check.ts'
import type { Mistake } from './simulate.ts'

/** Mistakes as they have been made in systems like this one, and the law that each of them breaks. */
export const mistakes: Readonly<Record<string, Mistake & { readonly breaks: Law }>> = {
  'a server that acknowledges before the commit': {
    breaks: 'no acknowledged result is lost',
    upload(batch) {
      // Written behind, to serve many with one commit; a crash takes it along.
      this.program.after(500, () => void this.history.upload(batch).catch(() => undefined))
      const acknowledged = batch.from + batch.entries.length
      return Promise.resolve({ acknowledged, safe: acknowledged, pauseMs: 0 })
    },
  },
  'an agent that forgets its position when it is started again': {
    breaks: 'no acknowledged result is lost',
    link: countedFromZero,
  },
  'a server that counts the late result of a former owner once more': {
    breaks: 'no slot is counted twice',
    build() {
      const { hasRun } = DayLedger.prototype
      DayLedger.prototype.hasRun = () => false
      return () => void (DayLedger.prototype.hasRun = hasRun)
    },
  },
  'a hand-over that gives an exclusive connector two owners': {
    breaks: 'no two agents run a slot of an exclusive connector',
    work: (work) => ({
      ...work,
      groups: new Map([...work.groups].map(([name, group]) => [name, { ...group, exclusive: false }])),
    }),
  },
  'an agent that runs exclusive connectors beyond its lease': {
    breaks: 'no two agents run a slot of an exclusive connector',
    link: (link) => ({
      ...link,
      async assignment(known, signal) {
        const assignment = await link.assignment(known, signal)
        return assignment && { ...assignment, settings: { ...assignment.settings, leaseMs: null } }
      },
    }),
  },
  'an agent that loses its gap records': {
    breaks: 'every slot has an outcome',
    build() {
      const { append } = Spool.prototype
      Spool.prototype.append = function (entries) {
        append.call(
          this,
          entries.filter(({ kind }) => kind === 'run'),
        )
      }
      return () => void (Spool.prototype.append = append)
    },
  },
}

/** Each life counts its positions from 0 again, under the same name. */
function countedFromZero(link: ServerLink): ServerLink {
  let base: number | undefined
  return {
    ...link,
    async upload(batch, signal) {
      const from = (base ??= batch.from)
      const answer = await link.upload(
        {
          ...batch,
          spool: 'spool',
          from: Math.max(0, batch.from - from),
          ...(batch.oldest === undefined ? {} : { oldest: Math.max(0, batch.oldest - from) }),
        },
        signal,
      )
      return { ...answer, acknowledged: answer.acknowledged + from, safe: answer.safe + from }
    },
  }
}
