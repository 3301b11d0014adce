/** A, B and so on, from 1. */
export const letterOf = (position: number) => String.fromCharCode(64 + position);
