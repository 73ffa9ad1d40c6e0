import { Spool } from '../../src/agent/spool.ts'
import { Pair } from '../../src/failover/index.ts'
import { PairFile } from '../../src/failover/pair-file.ts'
import { ChangeLog } from '../../src/platform/database/change-log.ts'
import type { PairLaw } from './pair-check.ts'
import type { PairMistake } from './pair-simulate.ts'
import { PairServer } from './pair-server.ts'
import { PairWay } from './pair-way.ts'

/** Mistakes as they are made in pairs of servers, and the law that each of them breaks. */
export const pairMistakes: Readonly<Record<string, PairMistake & { readonly breaks: PairLaw }>> = {
  'a takeover without witnesses': {
    breaks: 'nobody takes over from a server that serves the agents',
    build() {
      const { agentSaid } = Pair.prototype
      Pair.prototype.agentSaid = () => undefined
      return () => void (Pair.prototype.agentSaid = agentSaid)
    },
  },
  'a server that does not keep its term': {
    breaks: 'no server acts in a term below one that it knew',
    faults: ['a hand-over is asked for', 'both servers are killed, and started one after the other'],
    build() {
      const { write } = PairFile.prototype
      PairFile.prototype.write = function ({ durable: _, ...rest }) {
        return write.call(this, rest)
      }
      return () => void (PairFile.prototype.write = write)
    },
  },
  'an agent that does not keep the term': {
    breaks: 'no agent believes a lower term after a higher',
    faults: ['the link between the servers is cut', 'the active server keeps one agent only, which is started again'],
    build() {
      PairWay.keepsTerm = false
      return () => void (PairWay.keepsTerm = true)
    },
  },
  'a PRIMARY that acts at its start without waiting': {
    breaks: 'nobody begins to act beside another in its reach',
    build() {
      const { start } = Pair.prototype
      Pair.prototype.start = function () {
        const state = this.state()
        if (state.standing.is === 'held')
          Object.assign(state, {
            standing: { is: 'active', since: state.tickedAt, because: 'set up', hasMet: false, handOver: undefined },
          })
        start.call(this)
      }
      return () => void (Pair.prototype.start = start)
    },
  },
  'an agent that forgets what is acknowledged before it is safe': {
    breaks: 'no acknowledged result is lost',
    faults: ['an old data directory is restored', 'the active server is killed'],
    link: (link) => ({
      ...link,
      async upload(batch, signal) {
        const answer = await link.upload(batch, signal)
        return { ...answer, safe: answer.acknowledged }
      },
    }),
    build() {
      const { read, extent } = Spool.prototype
      // At once, and not with the segment, which these stories are too short for.
      Spool.prototype.read = function (position, limit) {
        return read.call(this, Math.max(position, this.safe), limit)
      }
      Spool.prototype.extent = function (spool) {
        const found = extent.call(this, spool)
        return found === undefined || found.end <= this.safe
          ? undefined
          : { ...found, first: Math.max(found.first, this.safe) }
      }
      return () => void Object.assign(Spool.prototype, { read, extent })
    },
  },
  'changes of an earlier term that pass for lost ones': {
    breaks: 'exactly one server acts when faults are over',
    faults: ['the active server is killed'],
    build() {
      const { hears } = PairServer
      // As if terms of positions were not looked at: what the other has of a time before counts as this side's own.
      PairServer.hears = (report, { ownTerm, position }) =>
        report.position.term < ownTerm && report.position.count > position.count
          ? { ...report, position: { ...report.position, term: ownTerm } }
          : report
      return () => void (PairServer.hears = hears)
    },
  },
  'a ledger of notifications that is not replicated': {
    breaks: 'every notification arrives once',
    build() {
      const { record } = ChangeLog.prototype
      ChangeLog.prototype.record = function (batch, changed, at) {
        const kept = batch.map(({ sql }) => !sql.startsWith('UPDATE delivery'))
        return record.call(
          this,
          batch.filter((_, i) => kept[i]),
          changed.filter((_, i) => kept[i]),
          at,
        )
      }
      return () => void (ChangeLog.prototype.record = record)
    },
  },
}
