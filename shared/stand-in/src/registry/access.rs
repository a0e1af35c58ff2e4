//! Who may see what: tokens that anybody is given, and accounts.

use std::collections::BTreeMap;

use super::{Refusal, StandInRegistry};

/// How callers have to sign in over HTTP.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum SignIn {
    /// Not at all.
    Nothing,
    /// With a token for the repository, as at Docker Hub: anybody is given one for what is public.
    #[default]
    Token,
    /// With a token that only this account is given for what is private.
    TokenFor {
        /// User name.
        username: String,
        /// Password.
        password: String,
    },
    /// With this account's name and password, as at ECR.
    Password {
        /// User name.
        username: String,
        /// Password.
        password: String,
    },
}

/// What the registry knows of callers.
#[derive(Debug, Default)]
pub(super) struct Access {
    pub(super) sign_in: SignIn,
    /// Tokens that were given out: for which repository, and whether to an account.
    tokens: BTreeMap<String, (String, bool)>,
}

/// A user name and a password.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Account {
    pub(crate) username: String,
    pub(crate) password: String,
}

/// What a caller shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Shown {
    Nothing,
    Token(String),
    Account(Account),
}

/// What a caller has to do before it is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    Token,
    Password,
}

impl StandInRegistry {
    /// A token for a repository.
    pub(crate) fn token(&mut self, name: &str, shown: &Shown) -> Result<String, Refusal> {
        let is_account = match (shown, &self.access.sign_in) {
            (Shown::Account(account), SignIn::TokenFor { username, password }) => {
                if (&account.username, &account.password) != (username, password) {
                    return Err(Refusal::Denied);
                }
                true
            }
            _ => false,
        };
        let token = self.dice.uuid();
        self.access.tokens.insert(token.clone(), (name.to_owned(), is_account));
        Ok(token)
    }

    /// What a caller who shows this still has to show to see a repository; `Denied` if nothing helps.
    pub(crate) fn wanted(&self, name: &str, shown: &Shown) -> Result<Option<Wanted>, Refusal> {
        let private = self.is_private(name);
        match (&self.access.sign_in, shown) {
            (SignIn::Nothing, _) if private => Err(Refusal::Denied),
            (SignIn::Nothing, _) => Ok(None),
            (SignIn::Token | SignIn::TokenFor { .. }, Shown::Token(token)) => {
                match self.access.tokens.get(token) {
                    Some((of, is_account)) if of == name && (!private || *is_account) => Ok(None),
                    _ => Err(Refusal::Denied),
                }
            }
            (SignIn::Token | SignIn::TokenFor { .. }, _) => Ok(Some(Wanted::Token)),
            (SignIn::Password { username, password }, Shown::Account(account)) => {
                let known = (&account.username, &account.password) == (username, password);
                if known { Ok(None) } else { Err(Refusal::Denied) }
            }
            (SignIn::Password { .. }, _) => Ok(Some(Wanted::Password)),
        }
    }
}
