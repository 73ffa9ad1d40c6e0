import type { ReactNode } from 'react'
import { Icon, type IconName } from './icons.tsx'

/** A drawing that is pressed; its label is what it does. */
export function IconButton({
  icon,
  label,
  disabled,
  onClick,
}: {
  readonly icon: IconName
  readonly label: string
  readonly disabled: boolean
  readonly onClick: () => void
}): ReactNode {
  return (
    <button
      type="button"
      className="icon-button"
      aria-label={label}
      title={label}
      disabled={disabled}
      onClick={onClick}
    >
      <Icon name={icon} size={16} />
    </button>
  )
}
