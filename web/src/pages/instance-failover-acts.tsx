import { Button, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { Failover, ForcePrice } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { failover as failoverQuery } from '../api/queries.ts'
import { formatLasting } from '../format/times.ts'
import { formatSpan } from '../format/values.ts'
import { switchStep } from '../model/failover.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Failure, Present } from '../parts/states.tsx'
import { useNow } from '../parts/use-now.ts'
import { texts } from '../texts.ts'

const { failover: words } = texts
type Act = 'handOver' | 'drill' | 'force'

/** While two servers change places, how often one looks. */
const lookMs = 500

/** Who is to act: asked of the server after it was said what that means, and to force only with the price in sight. */
export function FailoverActs({ now, allowed }: { now: Failover; allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const [asked, ask] = useState<Act | undefined>()
  const [begun, begin] = useState<Begun>({ at: 0, term: now.term, acts: now.acts })
  const act = useMutation({
    mutationFn: async (which: Act): Promise<string> => {
      switch (which) {
        case 'handOver': {
          const { active, ms } = await call('handOver', { body: {} })
          return words.handOver.done(words.roles[active].toLowerCase(), formatSpan(ms))
        }
        case 'drill':
          await call('runDrill', { body: {} })
          return words.drill.done
        case 'force':
          await call('forceTakeover', { body: { confirm: true } })
          return words.force.done
      }
    },
    onSuccess: (message) => {
      ask(undefined)
      notifications.show({ message, color: 'petrol' })
    },
    onSettled: () => client.invalidateQueries(),
  })
  const close = (): void => {
    ask(undefined)
    act.reset()
  }
  // What takes its time is watched on the page; its price is a matter of the dialog.
  const watched = act.variables === 'force' ? undefined : act.variables
  const isOff = now.mode === 'OFF' || (watched !== undefined && act.isPending)
  const why = allowed ? undefined : texts.common.notAllowed
  return (
    <section className="card" aria-labelledby="pair-acts">
      <Title order={2} id="pair-acts">
        {words.acts}
      </Title>
      <div className="act-buttons pair-acts" title={why}>
        <Button variant="default" disabled={!allowed || isOff} onClick={() => ask('handOver')}>
          {words.handOver.act}…
        </Button>
        <Button variant="default" disabled={!allowed || isOff || !now.acts} onClick={() => ask('drill')}>
          {words.drill.act}…
        </Button>
        {now.acts ? null : (
          <Button variant="outline" color="red" disabled={!allowed || isOff} onClick={() => ask('force')}>
            {words.force.act}…
          </Button>
        )}
      </div>
      {watched === undefined ? null : act.isPending ? (
        <Progress of={watched} begun={begun} />
      ) : act.error === null ? null : (
        <Failure error={act.error} title={words[watched].act} />
      )}
      {(['handOver', 'drill', 'force'] as const).map((which) => (
        <Confirm
          key={which}
          opened={asked === which}
          title={words[which].title}
          act={words[which].act}
          dangerous={which === 'force'}
          pending={act.isPending}
          error={which === 'force' ? act.error : null}
          onConfirm={() => {
            begin({ at: Date.now(), term: now.term, acts: now.acts })
            if (which !== 'force') ask(undefined)
            act.mutate(which)
          }}
          onClose={close}
        >
          <p>{words[which].text}</p>
          {which === 'force' ? <Price /> : null}
        </Confirm>
      ))}
    </section>
  )
}

/** How it was when it was asked for. */
interface Begun {
  readonly at: number
  readonly term: number
  readonly acts: boolean
}

const stepsOf = { drill: ['leaving', 'there', 'back'], handOver: ['leaving', 'there'] } as const

/** How far it is, as it goes: the request that asked for it is answered at its end only. */
function Progress({ of, begun }: { of: 'handOver' | 'drill'; begun: Begun }): ReactNode {
  const { data } = useQuery({ ...failoverQuery, refetchInterval: lookMs })
  const at = useNow(1_000)
  const { progress } = words
  // What the other server does before it hands over is not seen from here.
  const steps = begun.acts ? stepsOf[of] : []
  const reached = data === undefined ? 0 : steps.findIndex((step) => step === switchStep(begun.term, data))
  return (
    <div role="status" aria-label={progress[of]}>
      <p>
        <strong>{progress[of]}</strong> <span className="dim">{progress.lasting(formatLasting(begun.at, at))}</span>
      </p>
      <ol className="plain-list set-up">
        {steps.map((step, i) => (
          <li key={step} aria-current={i === reached ? 'step' : undefined}>
            <span className={`mark ${i < reached ? 'out-ran' : i === reached ? 'sev-INFO' : 'mark-none'}`}>
              {i < reached ? progress.marks.done : i === reached ? progress.marks.now : progress.marks.coming}
            </span>
            <span>{step === 'there' && of === 'drill' ? progress.thereInDrill : progress.steps[step]}</span>
          </li>
        ))}
      </ol>
    </div>
  )
}

/** Asked anew whenever it is shown: it grows while one thinks about it. */
function Price(): ReactNode {
  const price = useQuery({
    queryKey: ['failover', 'price'],
    queryFn: ({ signal }) => call('forceTakeover', { body: {}, signal }),
    staleTime: 0,
    gcTime: 0,
  })
  return <Present query={price}>{(answer) => <PriceFacts of={answer.price} />}</Present>
}

function PriceFacts({ of: { missingChanges, lastContactMsAgo, configuration } }: { of: ForcePrice }): ReactNode {
  const { same } = configuration
  return (
    <Facts>
      <Fact name={words.force.missing} bad={missingChanges !== 0}>
        {missingChanges === null ? words.unknown : missingChanges.toLocaleString('en')}
      </Fact>
      <Fact name={words.force.contact}>
        {lastContactMsAgo === null ? words.force.never : words.heardAgo(formatSpan(lastContactMsAgo))}
      </Fact>
      <Fact name={words.force.configuration} bad={same === false}>
        {same === null ? words.unknown : same ? words.force.same : words.force.differs}
      </Fact>
    </Facts>
  )
}
