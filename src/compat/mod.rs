//! One file per outside world, each behind a feature.
