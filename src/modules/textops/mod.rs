//! `textops`: text of messages, searched and changed.

mod body;
mod header_key;
mod headers;
mod method;
mod parts;
mod search;
mod strings;
mod subst;
mod substitution;
#[cfg(test)]
mod tests;

use crate::builtin::Module;

pub(super) use header_key::HeaderKey;

/// The module.
pub static MODULE: Module = Module {
    functions: &[
        headers::APPEND_HF,
        headers::INSERT_HF,
        headers::APPEND_URIHF,
        headers::APPEND_TO_REPLY,
        headers::APPEND_TIME,
        headers::APPEND_TIME_TO_REQUEST,
        headers::REMOVE_HF,
        headers::REMOVE_HF_PV,
        headers::REMOVE_HF_IDX,
        headers::REMOVE_HF_RE,
        headers::REMOVE_HF_RE_PV,
        headers::REMOVE_HF_EXP,
        headers::REMOVE_HF_EXP_PV,
        headers::REMOVE_HF_MATCH,
        headers::VIA_PARAM_RM,
        headers::IS_PRESENT_HF,
        headers::IS_PRESENT_HF_PV,
        headers::IS_PRESENT_HF_RE,
        headers::IS_PRESENT_HF_RE_PV,
        search::SEARCH,
        search::SEARCH_BODY,
        search::SEARCH_HF,
        search::SEARCH_APPEND,
        search::SEARCH_APPEND_BODY,
        search::REPLACE,
        search::REPLACE_ALL,
        search::REPLACE_BODY,
        search::REPLACE_BODY_ALL,
        search::REPLACE_BODY_ATONCE,
        search::REPLACE_HDRS,
        search::REPLACE_STR,
        search::REPLACE_BODY_STR,
        search::REPLACE_HDRS_STR,
        subst::SUBST,
        subst::SUBST_BODY,
        subst::SUBST_HF,
        subst::SUBST_URI,
        subst::SUBST_USER,
        subst::SUBST_V,
        body::HAS_BODY,
        body::SET_BODY,
        body::SET_BODY_HEX,
        body::SET_REPLY_BODY,
        body::SET_REPLY_BODY_HEX,
        body::FILTER_BODY,
        body::GET_BODY_PART,
        body::GET_BODY_PART_RAW,
        body::IS_AUDIO_ON_HOLD,
        parts::SET_BODY_MULTIPART,
        parts::SET_BODY_MULTIPART_WITH,
        parts::APPEND_BODY_PART,
        parts::APPEND_BODY_PART_HEX,
        parts::REMOVE_BODY_PART,
        method::IS_METHOD,
        method::IS_PRIVACY,
        strings::CMP_STR,
        strings::CMP_ISTR,
        strings::STARTS_WITH,
        strings::ENDS_WITH,
        strings::STR_FIND,
        strings::STR_IFIND,
        strings::STR_ANY_IN,
        strings::STR_ALL_IN,
        strings::SEARCH_STR,
        strings::IN_LIST,
        strings::IN_LIST_PREFIX,
        strings::REGEX_SUBSTRING,
    ],
    transformations: &[subst::RE_SUBST],
    ..Module::new("textops", "Searches and changes the text of messages: headers, body, the Request-URI.")
};
