import { notifications } from '@mantine/notifications'
import { useMutation, useQueryClient, type QueryKey } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Confirm } from './confirm.tsx'

/** Asks before something is removed, removes it, and says so. @param props.what is asked about; undefined for nothing */
export function ConfirmRemoval<T>(props: {
  readonly what: T | undefined
  readonly remove: (what: T) => Promise<unknown>
  /** What is old once it is gone. */
  readonly changes: QueryKey
  readonly title: (what: T) => string
  readonly removed: (what: T) => string
  readonly act: string
  readonly text: string
  readonly onClose: () => void
}): ReactNode {
  const { what, changes, title, removed, act, text, onClose } = props
  const client = useQueryClient()
  const remove = useMutation({
    mutationFn: props.remove,
    onSuccess: (_, gone) => {
      onClose()
      notifications.show({ message: removed(gone), color: 'petrol' })
      return client.invalidateQueries({ queryKey: changes })
    },
  })
  return (
    <Confirm
      opened={what !== undefined}
      title={what === undefined ? '' : title(what)}
      act={act}
      dangerous
      pending={remove.isPending}
      error={remove.error}
      onConfirm={() => {
        if (what !== undefined) remove.mutate(what)
      }}
      onClose={() => {
        onClose()
        remove.reset()
      }}
    >
      <p>{text}</p>
    </Confirm>
  )
}
