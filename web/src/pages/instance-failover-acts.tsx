import { Button, Title } from '@mantine/core'
import { notifications } from '@mantine/notifications'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import type { Failover, ForcePrice } from '../../../src/contract/index.ts'
import { call } from '../api/call.ts'
import { formatSpan } from '../format/values.ts'
import { Confirm } from '../parts/confirm.tsx'
import { Fact, Facts } from '../parts/facts.tsx'
import { Present } from '../parts/states.tsx'
import { texts } from '../texts.ts'

const { failover: words } = texts
type Act = 'handOver' | 'drill' | 'force'

/** Who is to act: asked of the server after it was said what that means, and to force only with the price in sight. */
export function FailoverActs({ now, allowed }: { now: Failover; allowed: boolean }): ReactNode {
  const client = useQueryClient()
  const [asked, ask] = useState<Act | undefined>()
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
  const isOff = now.mode === 'OFF'
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
      {(['handOver', 'drill', 'force'] as const).map((which) => (
        <Confirm
          key={which}
          opened={asked === which}
          title={words[which].title}
          act={words[which].act}
          dangerous={which === 'force'}
          pending={act.isPending}
          error={act.error}
          onConfirm={() => act.mutate(which)}
          onClose={close}
        >
          <p>{words[which].text}</p>
          {which === 'force' ? <Price /> : null}
        </Confirm>
      ))}
    </section>
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
