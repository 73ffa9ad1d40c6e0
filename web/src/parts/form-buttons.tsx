import { Button } from '@mantine/core'
import type { ReactNode } from 'react'
import { texts } from '../texts.ts'

interface Props {
  readonly act: string
  readonly pending: boolean
  readonly onCancel: () => void
}

/** What a form ends with: its act, and the way out. */
export function FormButtons({ act, pending, onCancel }: Props): ReactNode {
  return (
    <div className="act-buttons">
      <Button type="submit" loading={pending}>
        {act}
      </Button>
      <Button variant="subtle" color="gray" onClick={onCancel}>
        {texts.common.cancel}
      </Button>
    </div>
  )
}

/** The same at the end of a large dialog, where the act stands last. */
export function DialogButtons({ act, pending, onCancel }: Props): ReactNode {
  return (
    <div className="act-buttons act-end">
      <Button variant="default" onClick={onCancel}>
        {texts.common.cancel}
      </Button>
      <Button type="submit" loading={pending}>
        {act}
      </Button>
    </div>
  )
}
