import { Button, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { Link } from '@tanstack/react-router'
import type { ReactNode } from 'react'
import type { SystemBrief } from '../../../src/contract/index.ts'
import { agents, certificates, failover, me, plugins, status, systems } from '../api/queries.ts'
import { isLoopback } from '../model/agent-commands.ts'
import { doneSteps, firstSteps, type FirstStep } from '../model/first-steps.ts'
import { compareNames } from '../model/overview.ts'
import { StateMark } from '../parts/marks.tsx'
import { Present, Waiting } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { firstSteps: words } = texts

/** The group and the number of systems of the document that the first start applies. */
const ownGroup = 'local'

const ways = {
  certificate: { to: '/instance', search: { tab: 'certificates' } },
  target: { to: '/configuration', search: {} },
  plugin: { to: '/plugins', search: {} },
  agent: { to: '/agents', search: {} },
  pair: { to: '/instance', search: { tab: 'failover' } },
} as const satisfies Record<FirstStep, { readonly to: string; readonly search: object }>

/** What to do with a new instance. Nothing of it has to be done, and what is done is seen by what is there. */
export function FirstStepsPage(): ReactNode {
  const { data: user } = useQuery(me)
  const own = useQuery(certificates)
  const all = useQuery(systems)
  const { data: now } = useQuery(status)
  const { data: configured } = useQuery(plugins)
  const { data: known } = useQuery(agents)
  const { data: pair } = useQuery(failover)
  const isWhole =
    own.data !== undefined &&
    all.data !== undefined &&
    now !== undefined &&
    configured !== undefined &&
    known !== undefined
  if (!isWhole) return <Waiting />
  const done = doneSteps(
    {
      certificates: own.data,
      systems: now.systems,
      ownSystems: all.data.filter(({ group }) => group === ownGroup).length,
      plugins: configured.length,
      agents: known.filter((agent) => !agent.local && agent.registration === 'ACCEPTED').length,
      pairRole: pair?.role ?? 'NONE',
    },
    (name) => isLoopback(`https://${name.includes(':') ? `[${name}]` : name}`),
  )
  return (
    <>
      <div className="page-head">
        <Title order={1}>{words.title}</Title>
        <span className="dim" role="status">
          {words.progress(done.size + 1, firstSteps.length + 1)}
        </span>
        <Button size="xs" variant="default" className="head-end" renderRoot={(given) => <Link to="/" {...given} />}>
          {done.size === firstSteps.length ? words.toOverview : words.skip}
        </Button>
      </div>
      <p className="quiet">{words.intro}</p>
      <ol className="steps">
        <li className="card step">
          <StepMark isDone />
          <div>
            <Title order={2}>{words.administrator.title}</Title>
            <p>{words.administrator.text(user?.username ?? '')}</p>
          </div>
        </li>
        {firstSteps.map((step) => (
          <li key={step} className="card step">
            <StepMark isDone={done.has(step)} />
            <div>
              <Title order={2}>{words[step].title}</Title>
              <p>{words[step].text}</p>
            </div>
            <Button
              size="sm"
              variant={done.has(step) ? 'default' : 'filled'}
              renderRoot={(given) => <Link {...ways[step]} {...given} />}
            >
              {words[step].act}
            </Button>
          </li>
        ))}
      </ol>
      <section aria-labelledby="watched-already">
        <div className="section-head">
          <Title order={2} id="watched-already">
            {words.watched}
          </Title>
        </div>
        {ownOf(all.data) === all.data ? null : <p className="quiet">{words.watchedHint}</p>}
        <Present query={all}>
          {(rows) =>
            rows.length === 0 ? (
              <p className="quiet">{words.nothingWatched}</p>
            ) : (
              <ul className="sheet plain-rows">
                {ownOf(rows)
                  .toSorted((a, b) => compareNames(a.name, b.name))
                  .slice(0, 20)
                  .map((system) => (
                    <li key={system.id}>
                      <StateMark worst={system.worst} state={system.state} />
                      <Link to="/systems/$id" params={{ id: system.id }} className="grow">
                        {system.name}
                      </Link>
                      <span className="dim">{words.tasks(system.tasks)}</span>
                    </li>
                  ))}
              </ul>
            )
          }
        </Present>
      </section>
    </>
  )
}

/** What the first start watches; where that is gone, whatever there is. */
function ownOf(rows: readonly SystemBrief[]): readonly SystemBrief[] {
  const own = rows.filter(({ group }) => group === ownGroup)
  return own.length > 0 ? own : rows
}

function StepMark({ isDone }: { isDone: boolean }): ReactNode {
  return (
    <span className={`mark ${isDone ? 'sev-CLEAR' : 'mark-none'} step-mark`}>{isDone ? words.done : words.open}</span>
  )
}
