// platform/staged_file.hpp - a file for its owner alone that is there whole, or not there at all.
//
// What a maintainer must not break: until publish() nothing stands under the name, whatever ends
// the process; the file belongs to its owner alone from its first moment, not from a later change
// of its mode; and without replace_existing::yes nothing that was there is touched, whoever made it
// in the meantime. Several files that belong together are all written before the first is
// published.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include <weir/platform/error.hpp>
#include <weir/platform/export.hpp>

namespace weir {

enum class replace_existing : bool { no, yes };

// Owns a file under a name that nobody else uses, beside the one it is meant for, until it is
// published or discarded. For programs: writing waits for the disk. May throw std::bad_alloc.
class WEIR_EXPORT staged_file {
 public:
  // The value that holds no file; also what a moved-from one is.
  staged_file() noexcept = default;
  ~staged_file() { discard(); }
  staged_file(staged_file&& other) noexcept { take(other); }
  staged_file& operator=(staged_file&& other) noexcept {
    if (this != &other) {
      discard();
      take(other);
    }
    return *this;
  }

  // Writes `text` in the folder of `path`, to the disk, readable and writable by its owner alone
  // (0600; on Windows an access list with this user alone). `path` is UTF-8 on Windows. Errors
  // leave nothing behind: errc::not_found (no such folder), errc::permission, errc::invalid (the
  // path), and what the system says of a full disk.
  static result<staged_file> write(std::string_view path, std::string_view text);

  // Gives the file its name, at once and whole. errc::exists: there is something already, which was
  // not touched; what is staged stays staged. errc::permission: the folder or, on Windows, that for
  // two seconds somebody had the file open which was to be replaced.
  error publish(replace_existing replace);
  // Takes back what publish() has just made, for a set of files of which a later one failed.
  void withdraw() noexcept;

  // Removes what is staged; what was published stays.
  void discard() noexcept;

  // What it was meant for.
  const std::string& path() const noexcept { return path_; }

 private:
  void take(staged_file& other) noexcept {
    path_ = std::move(other.path_);
    staged_ = std::exchange(other.staged_, {});
    published_ = std::exchange(other.published_, false);
  }

  std::string path_;
  std::string staged_;  // "": nothing is staged
  bool published_ = false;
};

}  // namespace weir
