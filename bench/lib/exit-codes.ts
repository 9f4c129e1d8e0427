/** Of a comparison that had nothing to compare with; it has said what is missing. */
export const nothingToCompareExitCode = 3;
