//! The value behind a public guard: what the guard in its first field gives access to.

macro_rules! reads {
    ($guard:ident $(<$lifetime:lifetime>)?) => {
        impl<T: ?Sized, S: $crate::sync::Sharing> std::ops::Deref for $guard<$($lifetime,)? T, S> {
            type Target = T;

            #[inline]
            fn deref(&self) -> &T {
                &self.0
            }
        }

        impl<T, S> std::fmt::Debug for $guard<$($lifetime,)? T, S>
        where
            T: ?Sized + std::fmt::Debug,
            S: $crate::sync::Sharing,
        {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Debug::fmt(&**self, f)
            }
        }
    };
}

macro_rules! writes {
    ($guard:ident $(<$lifetime:lifetime>)?) => {
        impl<T, S> std::ops::DerefMut for $guard<$($lifetime,)? T, S>
        where
            T: ?Sized,
            S: $crate::sync::Sharing,
        {
            #[inline]
            fn deref_mut(&mut self) -> &mut T {
                &mut self.0
            }
        }
    };
}

pub(super) use {reads, writes};
