import { Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { Connection, Instance } from '../../../src/contract/index.ts'
import { connection as connectionQuery } from '../api/queries.ts'
import { formatMoment } from '../format/times.ts'
import { formatSpan } from '../format/values.ts'
import { ClockText, SpoolText } from '../parts/agent-marks.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Fingerprint } from '../parts/fingerprint.tsx'
import { Ago } from '../parts/marks.tsx'
import { Present } from '../parts/states.tsx'
import { withCode } from '../parts/with-code.tsx'
import { texts } from '../texts.ts'
import { TrustForm } from './instance-trust.tsx'

const { page: words } = texts.role

const looks: Record<Connection['state'], string> = {
  connecting: 'sev-MAJOR',
  pending: 'sev-WARNING',
  rejected: 'sev-MAJOR',
  revoked: 'sev-MAJOR',
  connected: 'sev-CLEAR',
}

/** The page of an instance that is an agent only: who it is, which server it works for, and how the line to it is. */
export function OwnAgentPage({ here }: { here: Instance }): ReactNode {
  const connection = useQuery(connectionQuery)
  return (
    <>
      <div className="page-head">
        <Title order={1} className="ellipsis">
          {here.name}
        </Title>
        <span className="dim">{words.intro}</span>
      </div>
      {here.servers.length === 0 ? (
        <p className="note">
          {words.noServer}. <Link to="/instance">{words.noServerHint}</Link>
        </p>
      ) : null}
      <Present query={connection}>{(line) => <Line here={here} line={line} />}</Present>
    </>
  )
}

function Line({ here, line }: { here: Instance; line: Connection }): ReactNode {
  return (
    <>
      <section className="card own-connection" aria-labelledby="connection">
        <header className="card-head">
          <Title order={2} id="connection">
            {words.connection}
          </Title>
          <span className={`mark ${looks[line.state]}`} role="status">
            {words.states[line.state]}
          </span>
        </header>
        {line.message === '' ? null : <p className="own-message">{withCode(line.message)}</p>}
        {line.isolated ? <p className="note">{words.isolated}</p> : null}
        {line.upload.problem === null ? null : (
          <p className="note">
            {words.uploadProblem} {line.upload.problem}
          </p>
        )}
        <div className="own-facts">
          <Facts>
            <Fact name={words.server}>
              {line.server === null ? texts.common.none : <code className="break">{line.server}</code>}
            </Fact>
            {line.servers.length < 2 ? null : (
              <Fact name={words.knows}>
                <ul className="plain-list">
                  {line.servers.map((server) => (
                    <li key={server.url}>
                      <code className="break">{server.url}</code>
                      <span className="dim"> · {words.standing(server)}</span>
                    </li>
                  ))}
                </ul>
              </Fact>
            )}
            {here.proxy === null ? null : (
              <Fact name={texts.role.proxy}>
                <code className="break">{here.proxy}</code>
              </Fact>
            )}
            <Fact name={words.answered}>{line.answeredAt === null ? words.never : <Ago at={line.answeredAt} />}</Fact>
            <Fact name={words.serverVersion}>{line.serverVersion ?? texts.common.none}</Fact>
            <Fact name={words.clock}>
              <ClockText clock={line.clock} />
              {line.clock === null ? null : (
                <span className="dim"> · {words.error(formatSpan(Math.round(line.clock.errorMs)))}</span>
              )}
            </Fact>
            <Fact name={words.spool}>
              <SpoolText spool={line.spool} />
            </Fact>
            <Fact name={words.tasks}>
              {line.tasks.toLocaleString('en')}
              {line.kept ? <span className="dim"> · {words.kept}</span> : null}
            </Fact>
            <Fact name={words.running}>
              {line.running.toLocaleString('en')}
              {line.waiting === 0 ? null : <span className="dim"> · {words.waiting(line.waiting)}</span>}
            </Fact>
          </Facts>
          <Fingerprint of={line.fingerprint} label={words.compare} />
        </div>
      </section>
      <div className="cards cards-wide">
        <section className="card">
          <Title order={2}>{words.whoAmI}</Title>
          <Facts>
            <Fact name={texts.instance.name}>{here.name}</Fact>
            <Fact name={texts.instance.version}>{here.version}</Fact>
            <Fact name={texts.instance.uuid}>
              <code>{here.uuid}</code>
            </Fact>
            <Fact name={texts.instance.started}>{formatMoment(here.startedAt)}</Fact>
            <Fact name={texts.instance.term}>{line.term}</Fact>
          </Facts>
          <p className="quiet">
            <Link to="/instance">{words.toRole}</Link>
          </p>
        </section>
        <TrustForm suggested={line.server ?? here.servers[0] ?? ''} />
      </div>
    </>
  )
}
